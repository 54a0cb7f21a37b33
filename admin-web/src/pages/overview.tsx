// Overview: the one page of this console so far. Joins the live tick with what was read at the start.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useCallback } from 'react';
import { clusterQuery, nodesQuery, servicesQuery } from '../api/queries.ts';
import { ConnectionBar } from '../components/connection-bar.tsx';
import { Header } from '../components/header.tsx';
import { Shape } from '../components/status.tsx';
import { ago } from '../format/time.ts';
import { useFollowStream, useLive, useNow } from '../live/live.ts';
import { staleness } from '../live/reducer.ts';
import { AlertStrip } from '../overview/alert-strip.tsx';
import { Failures } from '../overview/failures.tsx';
import { Generations } from '../overview/generations.tsx';
import { Nodes } from '../overview/nodes.tsx';
import type { OverviewSearch } from '../overview/search.ts';
import { Services } from '../overview/services.tsx';
import { Tiles } from '../overview/tiles.tsx';
import { Traffic } from '../overview/traffic.tsx';

const route = getRouteApi('/');

export function OverviewPage() {
  const navigate = useNavigate();
  const leave = useCallback(() => void navigate({ to: '/sign-in' }), [navigate]);
  useFollowStream(leave);
  return (
    <>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-30 focus:m-2 focus:rounded-md focus:bg-panel focus:px-3 focus:py-1"
      >
        Skip to content
      </a>
      <Header />
      <ConnectionBar />
      <main id="main" tabIndex={-1} className="mx-auto flex max-w-[1680px] flex-col gap-3 px-4 py-3 outline-none">
        <Overview />
      </main>
    </>
  );
}

function Overview() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const live = useLive();
  const now = useNow();
  const nodesRead = useQuery(nodesQuery);
  const servicesRead = useQuery(servicesQuery);
  const nodes = live.tick?.nodes ?? nodesRead.data;
  const services = live.tick?.services ?? servicesRead.data;
  const isStale = staleness(live, now) !== null;
  const set = (change: Partial<OverviewSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false });
  return (
    <>
      <Title now={now} isStale={isStale} />
      {nodes && <AlertStrip nodes={nodes} now={now} onShow={(node) => set({ node })} />}
      <Tiles total={live.tick?.total} series={live.series} averagedS={live.averagedS} isStale={isStale} />
      <Traffic
        series={live.series}
        isTable={search.view === 'table'}
        now={now}
        onView={(isTable) => set({ view: isTable ? 'table' : undefined })}
      />
      <Nodes
        nodes={nodes}
        error={nodesRead.error}
        onRetry={() => nodesRead.refetch()}
        now={now}
        isStale={isStale}
        opened={search.node}
        onOpen={(node) => set({ node })}
      />
      <Services
        services={services}
        error={servicesRead.error}
        onRetry={() => servicesRead.refetch()}
        now={now}
        isStale={isStale}
        sort={{ column: search.sort ?? 'rate', descending: search.order !== 'asc' }}
        onSort={({ column, descending }) => set({ sort: column, order: descending ? undefined : 'asc' })}
        filter={search.q ?? ''}
        onFilter={(q) => set({ q: q || undefined })}
      />
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-3 xl:grid-cols-[repeat(2,minmax(0,1fr))]">
        <Failures now={now} opened={search.cid} onOpen={(cid) => set({ cid })} />
        <Generations now={now} opened={search.generation} onOpen={(generation) => set({ generation })} />
      </div>
    </>
  );
}

function Title({ now, isStale }: { now: number; isStale: boolean }) {
  const live = useLive();
  const initial = useQuery(clusterQuery);
  const cluster = live.tick?.cluster ?? initial.data;
  const isLive = live.phase === 'live' && !isStale;
  return (
    <div className="flex flex-wrap items-baseline gap-x-3">
      <h1 className="font-semibold text-xl">Overview</h1>
      {cluster && (
        <p className="text-muted">
          {cluster.nodes.total} {cluster.nodes.total === 1 ? 'node' : 'nodes'} · control plane {cluster.version},
          started {ago(cluster.started_at, now)}
        </p>
      )}
      <p className="flex items-center gap-1.5 text-muted text-sm sm:ml-auto">
        <Shape mark={isLive ? 'full' : 'ring'} tone={isLive ? 'ok' : 'muted'} />
        {isLive ? 'live, every second' : 'not live'}
      </p>
    </div>
  );
}
