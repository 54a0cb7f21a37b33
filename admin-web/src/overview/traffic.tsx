// The live chart of requests per second, or the same numbers as a table.

import { useState } from 'react';
import type { StatsPoint } from '../api/types.ts';
import { Button } from '../components/button.tsx';
import { type ChartPoint, clockOf, DASH, RequestsChart } from '../components/chart.tsx';
import { Empty, Panel } from '../components/panel.tsx';
import { type Column, DataTable } from '../components/table.tsx';
import { micros, rate } from '../format/number.ts';
import { clock, parse } from '../format/time.ts';

interface Props {
  series: StatsPoint[];
  isTable: boolean;
  now: number;
  onView: (isTable: boolean) => void;
}

export function Traffic({ series, isTable, now, onView }: Props) {
  const [pointed, setPointed] = useState<ChartPoint | null>(null);
  const last = series.at(-1);
  const label = last
    ? `Requests per second over the last five minutes: now ${rate(last.requests)}, of these ${rate(last.errors)} errors; highest ${rate(highest(series))}.`
    : 'Requests per second: no data yet.';
  return (
    <Panel
      title="Requests per second"
      note="last 5 min"
      actions={
        <>
          {!isTable && last && (
            <Legend
              point={
                pointed ?? {
                  at: (parse(last.at) ?? 0) / 1000,
                  requests: last.requests,
                  errors: last.errors,
                }
              }
            />
          )}
          <Button look="quiet" onClick={() => onView(!isTable)}>
            {isTable ? 'View as chart' : 'View as table'}
          </Button>
        </>
      }
    >
      {isTable ? (
        <TrafficTable series={series} now={now} />
      ) : (
        <RequestsChart series={series} label={label} onPoint={setPointed} />
      )}
    </Panel>
  );
}

/** The values under the pointer, else the newest; aria-hidden because the chart's label and the table say them. */
function Legend({ point }: { point: ChartPoint }) {
  return (
    <div aria-hidden="true" className="figures flex flex-wrap items-center gap-x-4 text-muted text-sm">
      <span>{clockOf(point.at)}</span>
      <LegendEntry name="requests/s" value={point.requests} colour="var(--series-1)" />
      <LegendEntry name="errors/s" value={point.errors} colour="var(--series-2)" dash={DASH.join(' ')} />
    </div>
  );
}

function LegendEntry(props: { name: string; value: number | null; colour: string; dash?: string }) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <svg aria-hidden="true" viewBox="0 0 18 4" className="h-1 w-4.5">
        <path d="M0 2h18" stroke={props.colour} strokeWidth="2" strokeDasharray={props.dash} />
      </svg>
      {props.name}
      <span className="min-w-9 text-fg">{rate(props.value)}</span>
    </span>
  );
}

interface Slice {
  at: string;
  requests: number;
  errors: number;
  p99_us: number | null;
}

/** Ten-second slices: thirty rows that a person can read, not three hundred. */
const SLICE_MS = 10_000;

export function slices(series: StatsPoint[]): Slice[] {
  const byStart = new Map<number, StatsPoint[]>();
  for (const point of series) {
    const start = Math.floor((parse(point.at) ?? 0) / SLICE_MS) * SLICE_MS;
    byStart.set(start, [...(byStart.get(start) ?? []), point]);
  }
  return [...byStart]
    .sort(([a], [b]) => b - a)
    .map(([start, points]) => {
      // A point is a second; one that nobody measured is left out of the mean.
      const seconds = points.length;
      return {
        at: new Date(start).toISOString(),
        requests: points.reduce((sum, point) => sum + point.requests, 0) / seconds,
        errors: points.reduce((sum, point) => sum + point.errors, 0) / seconds,
        p99_us: highestOf(points.flatMap((point) => point.p99_us ?? [])),
      };
    });
}

function TrafficTable({ series, now }: { series: StatsPoint[]; now: number }) {
  const columns: Column<Slice>[] = [
    { id: 'at', title: 'From', cell: (slice) => clock(slice.at, now), className: 'figures' },
    { id: 'requests', title: 'requests/s', numeric: true, cell: (slice) => rate(slice.requests) },
    { id: 'errors', title: 'errors/s', numeric: true, cell: (slice) => rate(slice.errors) },
    { id: 'p99', title: 'highest p99', numeric: true, cell: (slice) => micros(slice.p99_us) },
  ];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by the keyboard.
    <section className="max-h-52 overflow-y-auto" tabIndex={0} aria-label="Requests per second as a table">
      <DataTable
        caption="Requests per second in slices of ten seconds, newest first"
        columns={columns}
        rows={slices(series)}
        keyOf={(slice) => slice.at}
        empty={<Empty>No data yet.</Empty>}
      />
    </section>
  );
}

function highestOf(values: number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

function highest(series: StatsPoint[]): number {
  return Math.max(0, ...series.map((point) => point.requests));
}
