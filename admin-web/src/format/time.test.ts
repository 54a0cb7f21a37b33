import { describe, expect, it } from 'vitest';
import { age, ago, clock, since } from './time.ts';

describe('times', () => {
  it('an_age_has_one_unit', () => {
    const table: [number, string][] = [
      [-5000, 'now'],
      [999, 'now'],
      [8000, '8 s'],
      [59_999, '59 s'],
      [180_000, '3 min'],
      [7_200_000, '2 h'],
      [4 * 86_400_000, '4 d'],
    ];
    for (const [milliseconds, text] of table) expect(age(milliseconds)).toBe(text);
  });
  it('a_time_with_microseconds_is_read', () => {
    const now = Date.parse('2026-11-22T14:00:08.000Z');
    expect(since('2026-11-22T14:00:00.000123Z', now)).toBe('8 s');
    expect(ago('2026-11-22T13:57:00.000000Z', now)).toBe('3 min ago');
  });
  it('a_clock_names_the_day_only_when_it_is_another', () => {
    const now = new Date(2026, 10, 22, 14, 0, 8);
    expect(clock(now.toISOString(), now.getTime())).toBe('14:00:08');
    expect(clock(new Date(2026, 10, 21, 9, 5, 1).toISOString(), now.getTime())).toBe('2026-11-21 09:05:01');
  });
  it('no_time_and_a_wrong_one_are_a_dash', () => {
    for (const at of [null, undefined, '', 'yesterday']) {
      expect(ago(at, 0)).toBe('–');
      expect(clock(at, 0)).toBe('–');
    }
  });
});
