// Every call that the console makes, by the resource's own words. Owns no state and no cache.
//
// Invariant: a call answers its data or throws an ApiError (or the TypeError of an unreachable server); no caller looks
// at a status.

import createClient from 'openapi-fetch';
import { errorOf } from './problem.ts';
import type { Cluster, Failure, Generation, List, Node, NodeChange, paths, Service, Stats } from './types.ts';

/** Largest page that the API serves. */
const PAGE_SIZE_MAX = '1000';
/** Ten thousand rows; past that the page says that it shows a part. */
const PAGES_MAX = 10;
/** How long a drain waits for every node's word before the page shows "pending". */
const APPLY_TIMEOUT = '5s';

const api = createClient<paths>({
  // Looked up at each call, so that a test may replace it.
  fetch: (request) => globalThis.fetch(request),
  baseUrl: globalThis.location?.origin ?? '',
  credentials: 'same-origin',
});
api.use({
  async onResponse({ response }) {
    if (!response.ok) throw await errorOf(response);
    return response;
  },
});

export async function sessionRead(): Promise<{ user: string }> {
  return dataOf(await api.GET('/api/v1/session'));
}

export async function sessionCreate(proof: { code: string } | { token: string }): Promise<void> {
  await api.POST('/api/v1/session', { body: proof });
}

export async function sessionDelete(): Promise<void> {
  await api.DELETE('/api/v1/session');
}

export async function clusterRead(): Promise<Cluster> {
  return dataOf(await api.GET('/api/v1/cluster'));
}

export async function statsRead(): Promise<Stats> {
  return dataOf(await api.GET('/api/v1/stats'));
}

export function nodesList(): Promise<Node[]> {
  return everyPage(async (query) => dataOf(await api.GET('/api/v1/nodes', { params: { query } })));
}

export function servicesList(): Promise<Service[]> {
  return everyPage(async (query) => dataOf(await api.GET('/api/v1/services', { params: { query } })));
}

export async function generationsRecent(count: number): Promise<Generation[]> {
  const query = { page_size: String(count) };
  return dataOf(await api.GET('/api/v1/generations', { params: { query } })).items;
}

export async function failuresRecent(count: number): Promise<Failure[]> {
  const query = { page_size: String(count) };
  return dataOf(await api.GET('/api/v1/failures', { params: { query } })).items;
}

export async function nodeDrain(name: string): Promise<NodeChange> {
  return dataOf(await api.POST('/api/v1/nodes/{name}:drain', writeOf(name)));
}

export async function nodeResume(name: string): Promise<NodeChange> {
  return dataOf(await api.POST('/api/v1/nodes/{name}:resume', writeOf(name)));
}

function writeOf(name: string) {
  return { params: { path: { name }, query: { wait: 'applied', timeout: APPLY_TIMEOUT } as const } };
}

function dataOf<Data>(answer: { data?: Data }): Data {
  if (answer.data === undefined) throw new TypeError('the control plane answered without a body');
  return answer.data;
}

async function everyPage<Item>(
  read: (query: { page_size: string; page_token?: string }) => Promise<List<Item>>,
): Promise<Item[]> {
  const items: Item[] = [];
  let token: string | null | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer: List<Item> = await read({ page_size: PAGE_SIZE_MAX, ...(token ? { page_token: token } : {}) });
    items.push(...answer.items);
    token = answer.next_page_token;
    if (!token) break;
  }
  return items;
}
