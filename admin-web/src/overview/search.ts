// What the overview keeps in the URL, so that a pasted link shows the same thing. The theme is the one exception.

export interface OverviewSearch {
  /** The opened node, failure and generation. */
  node?: string | undefined;
  cid?: string | undefined;
  generation?: number | undefined;
  /** Filter and order of the services. */
  q?: string | undefined;
  sort?: string | undefined;
  order?: 'asc' | undefined;
  /** The chart as a table. */
  view?: 'table' | undefined;
}

/** Anything may stand in a URL; what is not understood is left out. */
export function parseOverviewSearch(search: Record<string, unknown>): OverviewSearch {
  const generation = Number(search.generation);
  return {
    node: text(search.node),
    cid: text(search.cid),
    generation: Number.isSafeInteger(generation) && generation > 0 ? generation : undefined,
    q: text(search.q),
    sort: text(search.sort),
    order: search.order === 'asc' ? 'asc' : undefined,
    view: search.view === 'table' ? 'table' : undefined,
  };
}

/** The router reads `?q=12` as a number; to us it is text. */
function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
