// Joins the stream, the reducer and React: one store per page, read through `useLive`.

import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { statsRead } from '../api/client.ts';
import { queryKeys } from '../api/queries.ts';
import { followStream } from './follow.ts';
import { initialLive, type LiveEvent, type LiveState, reduceLive } from './reducer.ts';
import { type Tick, tickOf } from './tick.ts';

let state: LiveState = initialLive(Date.now());
const listeners = new Set<() => void>();

function dispatch(event: LiveEvent): void {
  state = reduceLive(state, event);
  for (const notify of listeners) notify();
}

function subscribe(notify: () => void): () => void {
  listeners.add(notify);
  return () => listeners.delete(notify);
}

export function useLive(): LiveState {
  return useSyncExternalStore(subscribe, () => state);
}

/** The browser's clock, told once a second, for the ages on the page. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Holds the stream open while the calling component is mounted, and refreshes what a tick says has changed. */
export function useFollowStream(onUnauthorized: () => void): void {
  const queries = useQueryClient();
  useEffect(() => {
    let previous: Tick | null = null;
    let isSeeded = false;
    const refresh = (...keys: readonly (readonly string[])[]) => {
      for (const queryKey of keys) void queries.invalidateQueries({ queryKey });
    };
    const onTick = (tick: Tick) => {
      dispatch({ kind: 'tick', now: Date.now(), tick });
      if (previous && changed(previous, tick)) refresh(queryKeys.generations);
      if (tick.point && tick.point.errors > 0) refresh(queryKeys.failures);
      previous = tick;
    };
    const seed = async () => {
      try {
        const stats = await statsRead();
        dispatch({ kind: 'seeded', series: stats.series, averagedS: stats.interval_s });
      } catch {
        // The chart then fills from the ticks alone; the stream itself tells whether the control plane is away.
      }
    };
    return followStream('/api/v1/stream', {
      connecting: () => {
        dispatch({ kind: 'connecting', now: Date.now() });
        isSeeded = false;
      },
      event: ({ event, data }) => {
        // With the first word of a connection, not before it: what the page says is old must not move.
        if (!isSeeded) void seed();
        isSeeded = true;
        if (event === 'deploy') refresh(queryKeys.generations);
        const tick = event === 'tick' ? tickOf(data) : null;
        if (tick) onTick(tick);
      },
      dropped: () => dispatch({ kind: 'dropped', now: Date.now() }),
      hidden: () => dispatch({ kind: 'hidden', now: Date.now() }),
      unauthorized: onUnauthorized,
    });
  }, [queries, onUnauthorized]);
}

/** Whether the list of generations may read differently now. */
function changed(before: Tick, after: Tick): boolean {
  const acknowledged = (tick: Tick) =>
    tick.nodes.map((node) => `${node.name} ${node.generation} ${node.status}`).join();
  return before.cluster.generation !== after.cluster.generation || acknowledged(before) !== acknowledged(after);
}
