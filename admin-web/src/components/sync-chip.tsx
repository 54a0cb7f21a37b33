// `r418 · 3/3 in sync`: always visible, the promise of the product in one phrase. Opens the propagation panel.
//
// The panel's code (Base UI's popover, a third of the page's budget) comes with the first press.

import { clsx } from 'clsx';
import { lazy, Suspense, useRef, useState } from 'react';
import type { Cluster, Node } from '../api/types.ts';
import { useLive, useNow } from '../live/live.ts';
import { staleness } from '../live/reducer.ts';
import { type Mark, Shape, type Tone } from './status.tsx';

const PropagationPanel = lazy(() => import('./propagation-panel.tsx'));

export function SyncChip({ cluster, nodes }: { cluster: Cluster | undefined; nodes: Node[] | undefined }) {
  const live = useLive();
  const stale = staleness(live, useNow()) !== null;
  const chip = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [wasOpen, setWasOpen] = useState(false);
  if (!cluster) return <span className="skeleton h-5 w-28" />;
  const { total, in_sync } = cluster.nodes;
  const look = lookOf(cluster, nodes ?? []);
  const toggle = () => {
    setOpen(!isOpen);
    setWasOpen(true);
  };
  return (
    <>
      <button
        ref={chip}
        type="button"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onClick={toggle}
        className={clsx(
          'figures inline-flex h-7 items-center gap-1.5 whitespace-nowrap rounded-md border border-line-strong px-2 text-sm hover:bg-raised',
          stale && 'text-muted',
        )}
      >
        <Shape mark={look.mark} tone={stale ? 'muted' : look.tone} />
        <span className="font-mono">r{cluster.generation}</span>
        <span aria-hidden="true">·</span>
        {total === 0 ? 'no nodes' : `${in_sync}/${total} in sync`}
      </button>
      {wasOpen && (
        <Suspense>
          <PropagationPanel anchor={chip} isOpen={isOpen} onOpen={setOpen} cluster={cluster} nodes={nodes ?? []} />
        </Suspense>
      )}
    </>
  );
}

function lookOf(cluster: Cluster, nodes: Node[]): { mark: Mark; tone: Tone } {
  if (nodes.some((node) => node.status === 'rejected')) return { mark: 'triangle', tone: 'bad' };
  if (cluster.nodes.total === 0) return { mark: 'ring', tone: 'muted' };
  return cluster.nodes.in_sync === cluster.nodes.total ? { mark: 'full', tone: 'ok' } : { mark: 'half', tone: 'warn' };
}
