import { describe, expect, it } from 'vitest';
import type { StatsPoint } from '../api/types.ts';
import { initialLive, type LiveEvent, type LiveState, reduceLive, staleness } from './reducer.ts';
import { type Tick, tickOf } from './tick.ts';

const START = Date.parse('2026-11-22T14:00:00Z');

function point(second: number, requests = second): StatsPoint {
  return { at: new Date(START + second * 1000).toISOString(), requests, errors: 0, p50_us: 1, p99_us: 2 };
}

function tick(second: number): LiveEvent {
  return { kind: 'tick', now: second * 1000, tick: { point: point(second) } as Tick };
}

const run = (events: LiveEvent[], state: LiveState = initialLive(0)) => events.reduce(reduceLive, state);

describe('the live state', () => {
  it('numbers_of_a_live_stream_are_fresh', () => {
    const state = run([{ kind: 'connecting', now: 0 }, tick(1), tick(2)]);
    expect(state.phase).toBe('live');
    expect(staleness(state, 3000)).toBeNull();
  });
  it('a_dropped_stream_keeps_its_numbers_and_tells_their_age', () => {
    const state = run([tick(1), tick(2), { kind: 'dropped', now: 4000 }]);
    expect(state.tick?.point?.requests).toBe(2);
    expect(staleness(state, 10_000)).toEqual({ ageMs: 8000 });
  });
  it('a_reconnect_is_not_believed_until_it_speaks', () => {
    const lost = run([tick(1), { kind: 'dropped', now: 2000 }, { kind: 'connecting', now: 2500 }]);
    expect(lost.phase).toBe('lost');
    expect(staleness(lost, 5000)).toEqual({ ageMs: 4000 });
    const resumed = reduceLive(lost, tick(6));
    expect(resumed.phase).toBe('live');
    expect(resumed.failures).toBe(0);
    expect(staleness(resumed, 6500)).toBeNull();
  });
  it('silence_of_an_open_stream_is_admitted', () => {
    const state = run([tick(1)]);
    expect(staleness(state, 4000)).toBeNull();
    expect(staleness(state, 5000)).toEqual({ ageMs: 4000 });
  });
  it('a_hidden_page_claims_nothing_and_a_shown_one_has_a_moment_to_connect', () => {
    const hidden = run([tick(1), { kind: 'hidden', now: 2000 }]);
    expect(staleness(hidden, 60_000)).toBeNull();
    const shown = reduceLive(hidden, { kind: 'connecting', now: 60_000 });
    expect(staleness(shown, 61_000)).toBeNull();
    expect(staleness(shown, 62_000)).toEqual({ ageMs: 61_000 });
  });
  it('the_series_is_one_point_per_time_in_order_and_five_minutes_long', () => {
    const seed: LiveEvent = { kind: 'seeded', series: [point(3), point(1), point(2, 7)], averagedS: 10 };
    const state = run([tick(2), seed, tick(4), tick(301), tick(302)]);
    expect(state.series.map((each) => each.requests)).toEqual([7, 3, 4, 301, 302]);
  });
  it('failures_in_a_row_are_counted', () => {
    const state = run([
      { kind: 'dropped', now: 1 },
      { kind: 'dropped', now: 2 },
    ]);
    expect(state.failures).toBe(2);
    expect(state.since).toBe(1);
  });
});

describe('a tick', () => {
  it('that_cannot_be_read_is_skipped', () => {
    for (const data of ['', 'nonsense', '{}', '[]', '{"cluster":{},"nodes":{}}']) expect(tickOf(data)).toBeNull();
  });
  it('without_a_reported_second_has_no_point', () => {
    const wire = { cluster: {}, nodes: [], services: [], stats: { total: {}, last: null } };
    expect(tickOf(JSON.stringify(wire))?.point).toBeNull();
    expect(tickOf(JSON.stringify({ ...wire, stats: { total: {}, last: point(4) } }))?.point).toEqual(point(4));
  });
});
