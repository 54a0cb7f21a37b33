import { expect, it } from 'vitest';
import type { StatsPoint } from '../api/types.ts';
import { alignedData } from './chart.tsx';

const START = Date.parse('2026-11-22T14:00:00Z') / 1000;

function point(second: number): StatsPoint {
  const at = new Date((START + second) * 1000).toISOString();
  return { at, requests: second, errors: 0, p50_us: null, p99_us: null };
}

it('a_time_that_nobody_measured_is_a_gap_and_not_a_zero', () => {
  const [times, requests, errors] = alignedData([point(1), point(2), point(7), point(9)]);
  expect(times).toEqual([1, 2, 3, 7, 9].map((second) => START + second));
  expect(requests).toEqual([1, 2, null, 7, 9]);
  expect(errors).toEqual([0, 0, null, 0, 0]);
});
