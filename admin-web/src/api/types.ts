// The resources of `/api/v1` as the console reads them.
//
// Written by hand from the API's contract until the control plane's OpenAPI document can be fetched; then these names
// become aliases of the generated schema (see README.md, "Types"). Nothing else in src/ describes the wire.

export type NodeState = 'online' | 'draining' | 'offline';
export type NodeStatus = 'in_sync' | 'applying' | 'rejected' | 'away';

export interface CoreAck {
  core: number;
  prepare_us: number;
  commit_us: number;
}

export interface Refusal {
  object: string;
  field: string;
  reason: string;
  /** -1 when the node as a whole refused. */
  core: number;
}

export interface Node {
  name: string;
  state: NodeState;
  connection: 'connected' | 'away';
  status: NodeStatus;
  generation: number;
  ack_us: number | null;
  cores: CoreAck[];
  rejection: { generation: number; refusals: Refusal[] } | null;
  address: string;
  balancer_address: string | null;
  admin_address: string | null;
  version: string;
  python: string;
  weight: number;
  workers: { ready: number; total: number };
  node_state: 'starting' | 'ready' | 'stopping';
  connections: number;
  in_flight: number;
  requests_per_second: number;
  cpu_share: number;
  resident_bytes: number;
  started_at: string | null;
  last_seen_at: string | null;
  etag: string;
}

/** Quantiles are null when nothing was served. */
export interface ServiceStats {
  requests_per_second: number;
  errors_per_second: number;
  p50_us: number | null;
  p95_us: number | null;
  p99_us: number | null;
}

export interface Service {
  name: string;
  file: string | null;
  package_id: string | null;
  version: number | null;
  class_name: string | null;
  line: number | null;
  documentation: string;
  input: string[];
  output: string[];
  deployed_at: string | null;
  channels: string[];
  built_in: boolean;
  stats: ServiceStats;
}

export interface Cluster {
  id: string;
  name: string;
  generation: number;
  nodes: { total: number; connected: number; in_sync: number };
  version: string;
  started_at: string;
}

/** What happened in one second; a second that no node reported has no point. */
export interface StatsPoint {
  at: string;
  requests: number;
  errors: number;
  p50_us: number | null;
  p99_us: number | null;
}

export interface StatsTotal extends ServiceStats {
  in_flight: number;
  connections: number;
}

export interface Stats {
  at: string;
  /** Rates and quantiles are of so many seconds. */
  interval_s: number;
  total: StatsTotal;
  series: StatsPoint[];
}

export interface Failure {
  cid: string;
  at: string;
  node: string;
  channel: string;
  service: string;
  status: number;
  kind: string;
  traceback: string;
}

export interface GenerationNode {
  node: string;
  state: 'applied' | 'pending' | 'rejected' | 'away';
  ack_us: number | null;
  refusals: Refusal[];
}

export interface Generation {
  number: number;
  at: string;
  who: string;
  summary: string;
  nodes: GenerationNode[];
}

export interface Applied {
  generation: number;
  complete: boolean;
  took_ms: number;
  nodes: GenerationNode[];
}

export interface NodeChange {
  node: Node;
  generation: number;
  applied: Applied;
}

export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  instance?: string;
  cid?: string;
  errors?: { pointer: string; detail: string }[];
}

export interface List<Item> {
  items: Item[];
  next_page_token: string | null;
}

type Json<Body> = { content: { 'application/json': Body } };
type Failed = { content: { 'application/problem+json': Problem } };
type Read<Body, Query = never> = {
  get: { parameters: { query?: Query }; responses: { 200: Json<Body>; default: Failed } };
};
type Page = { page_size?: number; page_token?: string };
type NodeWrite = {
  post: {
    parameters: { path: { name: string }; query?: { wait?: 'applied'; timeout?: string } };
    responses: { 200: Json<NodeChange>; 202: Json<NodeChange>; default: Failed };
  };
};

/** Only the operations that this page calls. */
export interface paths {
  '/api/v1/session': {
    get: { responses: { 200: Json<{ user: string }>; default: Failed } };
    post: {
      requestBody: { content: { 'application/json': { code?: string; token?: string } } };
      responses: { 204: { content?: never }; default: Failed };
    };
    delete: { responses: { 204: { content?: never }; default: Failed } };
  };
  '/api/v1/cluster': Read<Cluster>;
  '/api/v1/nodes': Read<List<Node>, Page>;
  '/api/v1/nodes/{name}:drain': NodeWrite;
  '/api/v1/nodes/{name}:resume': NodeWrite;
  '/api/v1/services': Read<List<Service>, Page>;
  '/api/v1/generations': Read<List<Generation>, Page>;
  '/api/v1/failures': Read<List<Failure>, Page>;
  '/api/v1/stats': Read<Stats>;
}
