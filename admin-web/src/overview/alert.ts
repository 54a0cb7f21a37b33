// Which one thing the alert strip says: the most severe first, never a wall.

import type { Node } from '../api/types.ts';
import { since } from '../format/time.ts';

export interface Alert {
  severity: 'bad' | 'warn';
  node: string;
  title: string;
  detail: string;
  /** How many more nodes are in the same state. */
  more: number;
}

export function alertOf(nodes: Node[], now: number): Alert | null {
  const [rejected, ...othersRejected] = nodes.filter((node) => node.status === 'rejected' && node.rejection);
  if (rejected) {
    return {
      severity: 'bad',
      node: rejected.name,
      title: `${rejected.name} rejected r${rejected.rejection?.generation} and keeps serving r${rejected.generation}`,
      detail: refusalText(rejected),
      more: othersRejected.length,
    };
  }
  const [away, ...othersAway] = nodes.filter((node) => node.status === 'away');
  if (!away) return null;
  const alone = nodes.every((node) => node.status === 'away');
  return {
    severity: alone ? 'bad' : 'warn',
    node: away.name,
    title: alone && nodes.length > 1 ? 'No node is connected' : `${away.name} is away`,
    detail: `${lastHeard(away, now)}${alone ? ' What still runs serves its last snapshot.' : ' The other nodes take its share.'}`,
    more: alone ? 0 : othersAway.length,
  };
}

function lastHeard(node: Node, now: number): string {
  if (!node.last_seen_at) return 'It has not connected since the control plane started.';
  return `Last heard ${since(node.last_seen_at, now)} ago, at r${node.generation}.`;
}

function refusalText(node: Node): string {
  const [first, ...rest] = node.rejection?.refusals ?? [];
  if (!first) return 'It gave no reason.';
  const place = [first.object, first.field].filter(Boolean).join(' · ');
  return `${place}: ${first.reason}${rest.length > 0 ? ` (and ${rest.length} more)` : ''}`;
}
