// What the page knows from the stream, and how old it is. Pure: the clock is an argument.
//
// Invariant: numbers are never silently stale. Whatever happens to the stream, the last tick stays readable together
// with its age, and `staleness` says from when on the page must admit it.

import type { StatsPoint } from '../api/types.ts';
import { parse } from '../format/time.ts';
import type { Tick } from './tick.ts';

export type Phase = 'connecting' | 'live' | 'lost' | 'paused';

export interface LiveState {
  phase: Phase;
  /** When the phase began, and when the last tick was heard; in the browser's milliseconds. */
  since: number;
  heardAt: number | null;
  /** Connections that failed in a row. */
  failures: number;
  tick: Tick | null;
  /** The last five minutes, oldest first, one point a second. */
  series: StatsPoint[];
  /** Rates and quantiles are of so many seconds; null until the control plane said. */
  averagedS: number | null;
}

export type LiveEvent =
  | { kind: 'connecting'; now: number }
  | { kind: 'tick'; now: number; tick: Tick }
  | { kind: 'dropped'; now: number }
  | { kind: 'hidden'; now: number }
  | { kind: 'seeded'; series: StatsPoint[]; averagedS: number };

export const WINDOW_S = 300;
/** Three ticks missed: one may be late on a busy machine, three are a fault. */
const STALE_AFTER_MS = 3500;
/** A reconnect that is this quick needs no bar that flashes. */
const CONNECT_GRACE_MS = 1500;

export function initialLive(now: number): LiveState {
  return { phase: 'connecting', since: now, heardAt: null, failures: 0, tick: null, series: [], averagedS: null };
}

export function reduceLive(state: LiveState, event: LiveEvent): LiveState {
  switch (event.kind) {
    case 'connecting':
      // After a drop the page goes on saying "lost" until a tick proves otherwise.
      return state.phase === 'lost' ? state : { ...state, phase: 'connecting', since: event.now };
    case 'tick':
      return {
        ...state,
        phase: 'live',
        since: state.phase === 'live' ? state.since : event.now,
        heardAt: event.now,
        failures: 0,
        tick: event.tick,
        series: event.tick.point ? merge(state.series, [event.tick.point]) : state.series,
      };
    case 'dropped':
      return {
        ...state,
        phase: 'lost',
        since: state.phase === 'lost' ? state.since : event.now,
        failures: state.failures + 1,
      };
    case 'hidden':
      return { ...state, phase: 'paused', since: event.now, failures: 0 };
    case 'seeded':
      return { ...state, series: merge(state.series, event.series), averagedS: event.averagedS };
  }
}

/** How old the shown numbers are when the page must say so; null while they are fresh. */
export function staleness(state: LiveState, now: number): { ageMs: number } | null {
  if (state.phase === 'paused') return null;
  const ageMs = now - (state.heardAt ?? state.since);
  if (state.phase === 'lost') return { ageMs };
  if (state.phase === 'connecting') return now - state.since > CONNECT_GRACE_MS ? { ageMs } : null;
  return ageMs > STALE_AFTER_MS ? { ageMs } : null;
}

/** Union by time, oldest first, the newer source wins; what is older than the window is let go. */
function merge(known: StatsPoint[], added: StatsPoint[]): StatsPoint[] {
  const byTime = new Map<number, StatsPoint>();
  for (const point of [...known, ...added]) {
    const at = parse(point.at);
    if (at !== null) byTime.set(at, point);
  }
  const times = [...byTime.keys()].sort((a, b) => a - b);
  const oldest = (times.at(-1) ?? 0) - WINDOW_S * 1000;
  return times.filter((at) => at >= oldest).flatMap((at) => byTime.get(at) ?? []);
}
