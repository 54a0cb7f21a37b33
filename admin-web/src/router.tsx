// The console's paths. A page that needs a session asks for it before it loads.

import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  useRouter,
} from '@tanstack/react-router';
import { ApiError } from './api/problem.ts';
import { sessionQuery } from './api/queries.ts';
import type { Problem } from './api/types.ts';
import { parseOverviewSearch } from './overview/search.ts';
import { FailedPage } from './pages/failed.tsx';
import { NotFoundPage } from './pages/not-found.tsx';
import { SignInPage } from './pages/sign-in.tsx';

interface Context {
  queries: QueryClient;
  /** Why the one-time link of this page load did not work. */
  linkProblem: Problem | null;
}

const root = createRootRouteWithContext<Context>()({ notFoundComponent: NotFoundPage });

const overview = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: parseOverviewSearch,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(sessionQuery);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      const from = location.href === '/' ? {} : { from: location.href };
      throw redirect({ to: '/sign-in', search: from, replace: true });
    }
  },
  component: lazyRouteComponent(() => import('./pages/overview.tsx'), 'OverviewPage'),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Record<string, unknown>): { from?: string } =>
    isOwnPath(search.from) ? { from: search.from } : {},
  component: SignInRoute,
});

function SignInRoute() {
  const router = useRouter();
  const { from } = signIn.useSearch();
  const { linkProblem } = signIn.useRouteContext();
  return <SignInPage linkProblem={linkProblem} onSignedIn={() => router.history.replace(from ?? '/')} />;
}

/** Only a path of this console may follow a sign-in; `//host` and `/\host` would leave it. */
function isOwnPath(from: unknown): from is string {
  return typeof from === 'string' && /^\/(?![/\\])/.test(from);
}

export function newRouter(context: Context) {
  return createRouter({
    routeTree: root.addChildren([overview, signIn]),
    context,
    defaultErrorComponent: FailedPage,
    defaultPreload: false,
    scrollRestoration: false,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
