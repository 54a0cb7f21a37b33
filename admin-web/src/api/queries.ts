// The cached reads of the page: keys, and what each asks for. The stream invalidates them by these keys.

import { QueryClient, queryOptions } from '@tanstack/react-query';
import { clusterRead, failuresRecent, generationsRecent, nodesList, servicesList, sessionRead } from './client.ts';
import { ApiError } from './problem.ts';

export const queryKeys = {
  session: ['session'],
  cluster: ['cluster'],
  nodes: ['nodes'],
  services: ['services'],
  generations: ['generations'],
  failures: ['failures'],
} as const;

const FAILURES_SHOWN = 10;
const GENERATIONS_SHOWN = 10;

export const sessionQuery = queryOptions({ queryKey: queryKeys.session, queryFn: sessionRead, staleTime: 60_000 });
export const clusterQuery = queryOptions({ queryKey: queryKeys.cluster, queryFn: clusterRead });
export const nodesQuery = queryOptions({ queryKey: queryKeys.nodes, queryFn: nodesList });
export const servicesQuery = queryOptions({ queryKey: queryKeys.services, queryFn: servicesList });
export const generationsQuery = queryOptions({
  queryKey: queryKeys.generations,
  queryFn: () => generationsRecent(GENERATIONS_SHOWN),
});
export const failuresQuery = queryOptions({
  queryKey: queryKeys.failures,
  queryFn: () => failuresRecent(FAILURES_SHOWN),
});

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The stream says when something changed, so time alone makes nothing stale.
        staleTime: 30_000,
        retry: (failures, error) => !(error instanceof ApiError && error.status < 500) && failures < 2,
      },
    },
  });
}
