// A mock of the control plane's API over mock/world.mjs, with the built console and the real CSP, for developing and
// for e2e runs without a backend. Loopback only.
//
// Also opens a "balancer": a port that answers everything and counts, so that live numbers can rise for a reason.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AVERAGED_S, change, cluster, tick, total } from './world.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
/** The control plane's own policy, word for word. */
const CSP =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

export async function startMock(world, { port = 0, token = 'bsc_mock' } = {}) {
  const state = { world, token, codes: new Set(), sessions: new Set(), streams: new Set(), refuseStreams: false };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error) => problem(response, 500, 'Internal error', String(error)));
  });
  const balancer = createServer((request, response) => {
    world.counted += 1;
    request.resume().on('end', () => json(response, 200, { is_ok: true, cid: 'mock' }));
  });
  await Promise.all([listen(server, port), listen(balancer, 0)]);
  if (world.nodes[0]) world.nodes[0].balancer_address = `127.0.0.1:${balancer.address().port}`;
  let id = 0;
  const timer = setInterval(() => {
    const point = tick(world);
    id += 1;
    for (const stream of state.streams) stream.write(event(`mock-${id}`, 'tick', tickBody(world, point)));
  }, 1000);
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    setupLink: () => `${url}/?setup=${issueCode(state)}`,
    cutStreams: (refuse) => {
      state.refuseStreams = refuse;
      for (const stream of state.streams) stream.destroy();
    },
    stop: () => {
      clearInterval(timer);
      for (const each of [server, balancer]) {
        each.close();
        each.closeAllConnections();
      }
    },
  };
}

function issueCode(state) {
  const code = randomBytes(16).toString('hex');
  state.codes.add(code);
  return code;
}

function tickBody(world, point) {
  const stats = { at: new Date().toISOString(), total: total(world), last: point };
  return { cluster: cluster(world), nodes: world.nodes, services: world.services, stats };
}

async function answer(state, request, response) {
  const url = new URL(request.url, 'http://127.0.0.1');
  if (!url.pathname.startsWith('/api/')) return asset(url.pathname, response);
  const path = decodeURIComponent(url.pathname.slice('/api/v1'.length));
  const call = `${request.method} ${path}`;
  if (call === 'POST /session') return signIn(state, request, response);
  const session = /bascule_session=([0-9a-f]+)/.exec(request.headers.cookie ?? '')?.[1];
  if (!session || !state.sessions.has(session)) return problem(response, 401, 'Sign in first');
  if (call === 'DELETE /session') {
    state.sessions.delete(session);
    return response.writeHead(204).end();
  }
  if (call === 'GET /stream') return stream(state, response);
  const move = /^POST \/nodes\/([^/:]+):(drain|resume|offline)$/.exec(call);
  if (move) return moveNode(state.world, move, response);
  const read = READS[call];
  return read ? json(response, 200, read(state.world)) : problem(response, 404, 'Not found', call);
}

const list = (items) => ({ items, next_page_token: null });
const READS = {
  'GET /session': () => ({ user: 'admin' }),
  'GET /cluster': cluster,
  'GET /nodes': (world) => list(world.nodes),
  'GET /services': (world) => list(world.services),
  'GET /generations': (world) => list(world.generations.slice(0, 10)),
  'GET /failures': (world) => list(world.failures.slice(0, 10)),
  'GET /stats': (world) => ({
    at: new Date().toISOString(),
    interval_s: AVERAGED_S,
    total: total(world),
    series: world.series,
    services: [],
    nodes: [],
  }),
};

async function signIn(state, request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { code, token } = JSON.parse(body);
  if (!(code ? state.codes.delete(code) : token === state.token)) {
    return problem(response, 401, 'Unauthorized', code ? 'the code is unknown or was used' : 'the token is wrong');
  }
  const session = randomBytes(16).toString('hex');
  state.sessions.add(session);
  const cookie = `bascule_session=${session}; HttpOnly; SameSite=Strict; Path=/api/v1`;
  response.writeHead(204, { 'set-cookie': cookie }).end();
}

function moveNode(world, [, name, action], response) {
  const node = world.nodes.find((member) => member.name === name);
  if (!node) return problem(response, 404, 'Not found', `node ${name}`);
  const wanted = { drain: 'draining', resume: 'online', offline: 'offline' }[action];
  // The time that a real cluster takes, so that "Applying…" can be seen.
  setTimeout(() => json(response, 200, change(world, node, wanted)), 150);
}

function stream(state, response) {
  if (state.refuseStreams) return problem(response, 503, 'Unavailable');
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(event('mock-0', 'tick', tickBody(state.world, state.world.series.at(-1) ?? null)));
  state.streams.add(response);
  response.on('close', () => state.streams.delete(response));
}

function event(id, name, body) {
  return `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(body)}\n\n`;
}

async function asset(path, response) {
  const file = normalize(join(DIST, path));
  const isFile = extname(path) !== '' && file.startsWith(DIST + sep);
  const body = isFile ? await readFile(file).catch(() => null) : await readFile(join(DIST, 'index.html'));
  if (body === null) return response.writeHead(404).end();
  const type = TYPES[isFile ? extname(file) : '.html'] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP, 'cache-control': 'no-store' });
  response.end(body);
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function problem(response, status, title, detail) {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title, status, detail, cid: randomBytes(8).toString('hex') }));
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
