// The one-time link `/?setup=CODE` that the control plane prints at start.
//
// Invariant: the code leaves the address bar and the history before anything else happens, also when trading it fails;
// a used or stolen look at the history gives nothing.

import { sessionCreate } from '../api/client.ts';
import { problemOf, UNREACHABLE } from '../api/problem.ts';
import type { Problem } from '../api/types.ts';

/** The code in the address, if any; cleans the address. */
export function takeSetupCode(location: Location, history: History): string | null {
  const search = new URLSearchParams(location.search);
  const code = search.get('setup');
  if (code === null) return null;
  search.delete('setup');
  const rest = search.toString();
  history.replaceState(history.state, '', `${location.pathname}${rest ? `?${rest}` : ''}${location.hash}`);
  return code;
}

/** Trades the code for the session's cookie; null is success. */
export async function tradeSetupCode(code: string): Promise<Problem | null> {
  try {
    await sessionCreate({ code });
    return null;
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status === UNREACHABLE || problem.status >= 500) return problem;
    return {
      ...problem,
      title: 'This sign-in link no longer works',
      detail:
        'A link works once and for ten minutes. Paste the admin token below, or start the control plane again for a new link.',
    };
  }
}
