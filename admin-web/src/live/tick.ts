// Reads one `event: tick` of the stream into a shape that the rest of the page may trust.
//
// Invariant: a tick that cannot be read is null and is skipped; it never stops the stream.

import type { Cluster, Node, ServiceStats, StatsPoint, StatsTotal } from '../api/types.ts';

export interface Tick {
  cluster: Cluster;
  nodes: Node[];
  /** Figures by service name; the services themselves come from `GET /services`. */
  services: Map<string, ServiceStats>;
  total: StatsTotal;
  point: StatsPoint | null;
}

interface Wire {
  cluster: Cluster;
  nodes: Node[];
  services: (ServiceStats & { name: string; stats?: ServiceStats })[];
  stats: { total: StatsTotal };
  point: StatsPoint | null;
}

export function tickOf(data: string): Tick | null {
  let wire: Partial<Wire>;
  try {
    wire = JSON.parse(data);
  } catch {
    return null;
  }
  if (!wire.cluster || !Array.isArray(wire.nodes) || !wire.stats?.total) return null;
  return {
    cluster: wire.cluster,
    nodes: wire.nodes,
    services: new Map((wire.services ?? []).map((service) => [service.name, service.stats ?? service])),
    total: wire.stats.total,
    point: wire.point ?? null,
  };
}
