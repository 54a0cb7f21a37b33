// Requests per second over the last five minutes, on a canvas by uPlot, with the same numbers as words and as a table.
//
// Invariant: a gap in the data is a gap in the line; time that nobody measured is not drawn as zero.

import { useEffect, useRef, useSyncExternalStore } from 'react';
import uPlot from 'uplot';
import type { StatsPoint } from '../api/types.ts';
import { rate } from '../format/number.ts';
import { parse } from '../format/time.ts';
import { WINDOW_S } from '../live/reducer.ts';
import { currentTheme, subscribeTheme } from '../theme/theme.ts';

const HEIGHT = 176;
/** Points are a second apart; one that is late joins its neighbour, two that are missing are a gap. */
const GAP_S = 2.5;
export const DASH = [5, 4];

interface Props {
  series: StatsPoint[];
  label: string;
  /** The point under the pointer, or null when the pointer is elsewhere. */
  onPoint: (point: ChartPoint | null) => void;
}

export interface ChartPoint {
  at: number;
  requests: number | null;
  errors: number | null;
}

export function RequestsChart({ series, label, onPoint }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef<uPlot.AlignedData>([[], [], []]);
  const theme = useSyncExternalStore(subscribeTheme, currentTheme);
  const report = useRef(onPoint);
  latest.current = alignedData(series);
  report.current = onPoint;

  // A new theme makes a new plot: uPlot keeps the colours that it was made with.
  // biome-ignore lint/correctness/useExhaustiveDependencies: theme is read through the CSS variables.
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const chart = new uPlot(
      optionsOf(element.clientWidth, (chart) => report.current(pointOf(chart))),
      latest.current,
      element,
    );
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [theme]);

  useEffect(() => {
    plot.current?.setData(alignedData(series));
  }, [series]);

  return <div ref={holder} role="img" aria-label={label} className="min-w-0" style={{ height: HEIGHT }} />;
}

export function alignedData(series: StatsPoint[]): uPlot.AlignedData {
  const times: number[] = [];
  const requests: (number | null)[] = [];
  const errors: (number | null)[] = [];
  for (const point of series) {
    const at = (parse(point.at) ?? 0) / 1000;
    const previous = times.at(-1);
    if (previous !== undefined && at - previous > GAP_S) {
      times.push(previous + 1);
      requests.push(null);
      errors.push(null);
    }
    times.push(at);
    requests.push(point.requests);
    errors.push(point.errors);
  }
  return [times, requests, errors];
}

function pointOf({ cursor: { idx }, data }: uPlot): ChartPoint | null {
  const at = typeof idx === 'number' ? data[0][idx] : undefined;
  if (at === undefined || typeof idx !== 'number') return null;
  return { at, requests: data[1]?.[idx] ?? null, errors: data[2]?.[idx] ?? null };
}

function optionsOf(width: number, onCursor: (chart: uPlot) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--muted'),
    font: '11px "Inter Variable", sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    padding: [12, 12, 0, 0],
    // The panel's title row holds the legend, in words that the page's own styles reach.
    legend: { show: false },
    hooks: { setCursor: [onCursor] },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, __, newest) => [(newest ?? 0) - WINDOW_S, newest ?? 0] },
      // Ten at least, so that a quiet system does not look like an alarm.
      y: { range: (_, __, highest) => [0, Math.max(10, (highest ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map(clockOf), space: 80, size: 28 },
      { ...axis, values: (_, ticks) => ticks.map((value) => rate(value)), size: 48, space: 36 },
    ],
    series: [
      {},
      {
        label: 'requests/s',
        stroke: colour('--series-1'),
        fill: colour('--series-fill'),
        width: 1.5,
        points: { show: false },
      },
      {
        label: 'errors/s',
        stroke: colour('--series-2'),
        width: 1.5,
        dash: DASH,
        points: { show: false },
      },
    ],
  };
}

export function clockOf(seconds: number): string {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}
