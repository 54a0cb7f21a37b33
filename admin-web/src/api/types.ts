// The resources of `/api/v1` as the console names them: aliases of the generated schema, and nothing of its own.
//
// The control plane writes states as open text (`online`, `in_sync`, …), so that a newer one may add a word; the page
// shows a word that it does not know as it is.

import type { components } from './schema.d.ts';

export type { paths } from './schema.d.ts';

type Schemas = components['schemas'];

export type Cluster = Schemas['Cluster'];
export type Node = Schemas['Node'];
export type NodeChange = Schemas['NodeChanged'];
export type Applied = Schemas['Applied'];
export type GenerationNode = Schemas['NodeApplied'];
export type Generation = Schemas['Generation'];
export type Service = Schemas['Service'];
export type Stats = Schemas['Stats'];
export type StatsTotal = Schemas['Total'];
/** What happened in one second; a second that no node reported has no point. */
export type StatsPoint = Schemas['Point'];
export type Failure = Schemas['Failure'];

/** What a failed call answers; another server in between may leave out all but the title. */
export type Problem = Pick<Schemas['Problem'], 'title' | 'status'> &
  Partial<Pick<Schemas['Problem'], 'type' | 'detail' | 'instance' | 'cid' | 'errors'>>;

export interface List<Item> {
  items: Item[];
  next_page_token?: string | null;
}
