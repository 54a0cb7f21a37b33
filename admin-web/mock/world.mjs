// The cluster that the mock API tells about: state and what moves it. No HTTP here.
//
// Invariant: it answers in the shapes of the control plane's API; a field that the API does not have is not here either.

const MICROS = 1000;
const WINDOW_S = 300;
/** Rates are means of so many seconds, as the control plane's are. */
export const AVERAGED_S = 10;

export function newWorld({ traffic = false, nodes = 2 } = {}) {
  const startedAt = Date.now() - 2 * 3600 * 1000;
  const world = {
    traffic,
    startedAt,
    generation: 6,
    nodes: Array.from({ length: nodes }, (_, index) => newNode(index + 1, startedAt)),
    services: SERVICES.map((service) => ({ ...service, deployed_at: iso(startedAt + 60_000) })),
    generations: [],
    failures: [],
    series: [],
    /** Requests that really came in through the mock's balancer since the last tick. */
    counted: 0,
  };
  world.generations = [
    [6, 'admin', 'channel_update billing.timeout: timeout_ms 30000 → 5000'],
    [5, 'admin', 'package_deploy address.py v3: 2 services'],
    [4, 'admin', 'package_deploy orders.py v1: 1 service'],
    [3, 'dev-2', 'node_join dev-2 at 127.0.0.1:17012'],
    [2, 'dev-1', 'node_join dev-1 at 127.0.0.1:17011'],
    [1, 'system', 'cluster_create dev'],
  ].map(([number, who, summary]) => ({
    number,
    at: iso(startedAt + number * 60_000),
    who,
    summary,
    nodes: number < 3 ? [] : world.nodes.map((node) => acked(node, 2900 + number * 310)),
  }));
  if (traffic) {
    for (let second = WINDOW_S; second > 0; second -= 1) tick(world, Date.now() - second * 1000);
  }
  return world;
}

const SERVICES = [
  service('bascule.ping', { built_in: true, channels: ['/zato/ping'] }),
  service('bascule.echo', { built_in: true }),
  service('address.lookup', { file: 'address.py', version: 3, line: 12, channels: ['address.lookup', 'address.v2'] }),
  service('address.validate', { file: 'address.py', version: 3, line: 48, channels: ['address.validate'] }),
  service('orders.enrich', { file: 'orders.py', version: 1, line: 9, channels: ['orders'] }),
];

function service(name, fields) {
  return {
    name,
    file: null,
    package_id: fields.file ? `9f2c${'0'.repeat(60)}` : null,
    version: null,
    class_name: name.replace(/(^|\.)(\w)/g, (_, __, letter) => letter.toUpperCase()),
    line: null,
    documentation: '',
    input: [],
    output: [],
    channels: [],
    built_in: false,
    stats: figures(0, 0),
    ...fields,
  };
}

function newNode(number, startedAt) {
  return {
    name: `dev-${number}`,
    state: 'online',
    connection: 'connected',
    status: 'in_sync',
    generation: 6,
    ack_us: 3120 + number * 240,
    cores: [0, 1].map((core) => ({ core, prepare_us: 410 + core * 37 + number * 11, commit_us: 18 + core })),
    rejection: null,
    address: `127.0.0.1:${17010 + number}`,
    balancer_address: null,
    admin_address: `127.0.0.1:${9463 + number}`,
    version: '0.1.0',
    python: '3.11.2',
    weight: 100,
    workers: { ready: 2, total: 2 },
    node_state: 'ready',
    connections: 0,
    in_flight: 0,
    requests_per_second: 0,
    cpu_share: 0.004,
    resident_bytes: 84_300_000,
    started_at: iso(startedAt),
    last_seen_at: iso(Date.now()),
    etag: `"${number}"`,
  };
}

/** One second of life; the answer is the point that joins the series. */
export function tick(world, now = Date.now()) {
  const wave = world.traffic ? 1180 + 240 * Math.sin(now / 23_000) + 60 * Math.sin(now / 3100) : 0;
  const requests = Math.round(wave) + world.counted;
  const errors = world.traffic && now % 17_000 < 4000 ? Math.round(requests * 0.004) : 0;
  world.counted = 0;
  const p50 = requests > 0 ? 640 + (now % 90) : null;
  const point = {
    at: iso(now),
    requests,
    errors,
    p50_us: p50,
    p99_us: requests > 0 ? 4200 + Math.round((now / 7) % 900) : null,
  };
  world.series = [...world.series, point].slice(-WINDOW_S);
  const serving = world.nodes.filter((node) => node.state === 'online' && node.connection === 'connected');
  for (const node of world.nodes) {
    const share = serving.includes(node) ? 1 / serving.length : 0;
    node.requests_per_second = requests * share;
    node.in_flight = Math.round(requests * share * 0.004);
    node.connections = Math.round(requests * share * 0.03);
    node.cpu_share = 0.004 + requests * share * 0.0002;
    if (node.connection === 'connected') node.last_seen_at = iso(now);
  }
  const parts = world.traffic ? [0.01, 0, 0.52, 0.3, 0.17] : [1, 0, 0, 0, 0];
  world.services = world.services.map((entry, index) => ({
    ...entry,
    stats: figures(requests * (parts[index] ?? 0), index === 2 ? errors : 0, (p50 ?? 0) * (1 + index / 3)),
  }));
  if (errors > 0 && now % 3000 < 1000) fail(world, now);
  return point;
}

export function total(world) {
  const last = world.series.at(-1) ?? { requests: 0, errors: 0, p50_us: null, p99_us: null };
  const mean = (field) => world.series.slice(-AVERAGED_S).reduce((all, point) => all + point[field], 0) / AVERAGED_S;
  const sum = (field) => world.nodes.reduce((all, node) => all + node[field], 0);
  return {
    requests_per_second: mean('requests'),
    errors_per_second: mean('errors'),
    p50_us: last.p50_us,
    p95_us: last.p99_us === null ? null : Math.round(last.p99_us * 0.6),
    p99_us: last.p99_us,
    in_flight: sum('in_flight'),
    connections: sum('connections'),
  };
}

export function cluster(world) {
  const connected = world.nodes.filter((node) => node.connection === 'connected');
  return {
    id: '0198a7c2-0000-7000-8000-000000000001',
    name: 'dev',
    generation: world.generation,
    nodes: {
      total: world.nodes.length,
      connected: connected.length,
      in_sync: connected.filter((node) => node.status === 'in_sync').length,
    },
    version: '0.1.0',
    started_at: iso(world.startedAt),
  };
}

/** Sets what is wanted of a node: a generation, applied everywhere. */
export function change(world, node, state) {
  node.state = state;
  world.generation += 1;
  for (const member of world.nodes) {
    if (member.connection === 'connected') Object.assign(member, { generation: world.generation, status: 'in_sync' });
  }
  const nodes = world.nodes.map((member) => acked(member, member.ack_us));
  const summary = `node_update ${node.name}: state ${state}`;
  world.generations.unshift({ number: world.generation, at: iso(Date.now()), who: 'admin', summary, nodes });
  return {
    node,
    generation: world.generation,
    applied: { generation: world.generation, complete: true, took_ms: 12, nodes },
  };
}

/** A node says no to a new generation. */
export function reject(world, node) {
  world.generation += 1;
  const refusals = [
    {
      object: 'channel address.lookup',
      field: 'service',
      reason: 'service "address.lookup" is in no live package',
      core: 1,
    },
  ];
  for (const member of world.nodes) if (member !== node) member.generation = world.generation;
  Object.assign(node, { status: 'rejected', rejection: { generation: world.generation, refusals } });
  const nodes = world.nodes.map((member) =>
    member === node ? { node: member.name, state: 'rejected', ack_us: null, refusals } : acked(member, 3300),
  );
  const summary = 'channel_create address.lookup at /address/{postcode}';
  world.generations.unshift({ number: world.generation, at: iso(Date.now()), who: 'admin', summary, nodes });
}

export function leave(node) {
  Object.assign(node, {
    connection: 'away',
    status: 'away',
    last_seen_at: iso(Date.now() - 190_000),
    workers: { ready: 0, total: 2 },
  });
}

function fail(world, now) {
  world.failures.unshift({
    cid: `0198a7c2-${(now % 0xffff).toString(16).padStart(4, '0')}-7d31-9b50-6f2e1c4a8d70`,
    at: iso(now),
    node: `dev-${1 + (Math.round(now / 1000) % world.nodes.length)}`,
    channel: 'address.lookup',
    service: 'address.lookup',
    status: 500,
    kind: 'KeyError',
    traceback:
      'Traceback (most recent call last):\n  File "address.py", line 31, in handle\n    street = answer["street"]["name"]\n             ~~~~~~^^^^^^^^^^\nKeyError: \'street\'\n',
  });
  world.failures.length = Math.min(world.failures.length, 500);
}

function acked(node, ackUs) {
  const away = node.connection === 'away';
  return { node: node.name, state: away ? 'away' : 'applied', ack_us: away ? null : ackUs, refusals: [] };
}

function figures(requests, errors, p50 = 0) {
  const called = requests > 0;
  return {
    requests_per_second: requests,
    errors_per_second: errors,
    p50_us: called ? Math.round(p50) : null,
    p95_us: called ? Math.round(p50 * 3.1) : null,
    p99_us: called ? Math.round(p50 * 6.2) : null,
  };
}

/** RFC 3339 with microseconds, as the API writes times. */
function iso(milliseconds) {
  return new Date(milliseconds).toISOString().replace('Z', `${String(MICROS).slice(1)}Z`);
}
