// The one strip above everything else on the page.

import { clsx } from 'clsx';
import type { Node } from '../api/types.ts';
import { Button } from '../components/button.tsx';
import { Shape } from '../components/status.tsx';
import { alertOf } from './alert.ts';

interface Props {
  nodes: Node[];
  now: number;
  onShow: (node: string) => void;
}

export function AlertStrip({ nodes, now, onShow }: Props) {
  const alert = alertOf(nodes, now);
  if (!alert) return null;
  const isBad = alert.severity === 'bad';
  return (
    <div
      className={clsx(
        'flex items-start gap-2 rounded-lg border px-3 py-2',
        isBad ? 'border-bad/50 bg-bad-ground' : 'border-warn/40 bg-warn-ground',
      )}
    >
      <span className="mt-0.5">
        <Shape mark="triangle" tone={alert.severity} />
      </span>
      <p className="min-w-0 grow break-words">
        <strong role="alert" className="font-semibold">
          {alert.title}
        </strong>
        {alert.more > 0 && <span> (and {alert.more} more)</span>}
        <span className="figures block">{alert.detail}</span>
      </p>
      <Button look="quiet" onClick={() => onShow(alert.node)}>
        Show node
      </Button>
    </div>
  );
}
