// Reads one `event: tick` of the stream into a shape that the rest of the page may trust.
//
// Invariant: a tick that cannot be read is null and is skipped; it never stops the stream.

import type { Cluster, Node, Service, StatsPoint, StatsTotal } from '../api/types.ts';

export interface Tick {
  cluster: Cluster;
  nodes: Node[];
  services: Service[];
  total: StatsTotal;
  /** The newest whole second, when a node reported it. */
  point: StatsPoint | null;
}

interface Wire {
  cluster: Cluster;
  nodes: Node[];
  services: Service[];
  stats: { total: StatsTotal; last: StatsPoint | null };
}

export function tickOf(data: string): Tick | null {
  let wire: Partial<Wire>;
  try {
    wire = JSON.parse(data);
  } catch {
    return null;
  }
  const { cluster, nodes, services, stats } = wire;
  if (!cluster || !Array.isArray(nodes) || !Array.isArray(services) || !stats?.total) return null;
  return { cluster, nodes, services, total: stats.total, point: stats.last ?? null };
}
