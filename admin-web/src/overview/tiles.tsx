// The four numbers that one looks at first.

import { clsx } from 'clsx';
import type { ReactNode } from 'react';
import type { StatsPoint, StatsTotal } from '../api/types.ts';
import { Sparkline } from '../components/sparkline.tsx';
import { count, micros, rate, share } from '../format/number.ts';

interface Props {
  total: StatsTotal | undefined;
  series: StatsPoint[];
  averagedS: number | null;
  isStale: boolean;
}

export function Tiles({ total, series, averagedS, isStale }: Props) {
  const failing = (total?.errors_per_second ?? 0) > 0;
  const recent = series.slice(-120);
  return (
    <dl
      className={clsx(
        'grid grid-cols-2 overflow-hidden rounded-lg border border-line bg-panel lg:grid-cols-4',
        isStale && 'text-muted',
      )}
    >
      <Tile name="Requests/s" value={rate(total?.requests_per_second)} spark={recent.map((point) => point.requests)}>
        {count(total?.connections)} connections
        {averagedS !== null && <span className="hidden sm:inline"> · mean of {averagedS} s</span>}
      </Tile>
      <Tile
        name="Errors/s"
        value={rate(total?.errors_per_second)}
        spark={recent.map((point) => point.errors)}
        isBad={failing && !isStale}
      >
        {total ? errorShare(total) : '–'} of requests
      </Tile>
      <Tile name="p99" value={micros(total?.p99_us)} spark={recent.flatMap((point) => point.p99_us ?? [])}>
        p50 {micros(total?.p50_us)}
        <span className="ml-2 hidden sm:inline">p95 {micros(total?.p95_us)}</span>
      </Tile>
      <Tile name="In flight" value={count(total?.in_flight)}>
        requests now
      </Tile>
    </dl>
  );
}

interface TileProps {
  name: string;
  value: string;
  spark?: number[];
  isBad?: boolean;
  children: ReactNode;
}

function Tile({ name, value, spark, isBad, children }: TileProps) {
  return (
    <div className="relative -mb-px -ml-px border-line border-b border-l px-3 py-2.5">
      <dt className="text-muted text-sm">{name}</dt>
      <dd>
        <div className={clsx('figures font-semibold text-xl', isBad && 'text-bad')}>{value}</div>
        <div className="figures truncate text-muted text-sm">{children}</div>
      </dd>
      {spark && (
        <Sparkline
          values={spark}
          className="absolute top-3 right-3 h-6 w-[36%] max-w-32 text-(--series-1) opacity-70"
        />
      )}
    </div>
  );
}

function errorShare(total: StatsTotal): string {
  return total.requests_per_second > 0 ? share(total.errors_per_second / total.requests_per_second) : '0 %';
}
