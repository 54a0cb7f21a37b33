// The bar on top of every signed-in page: where one is, what the cluster runs, how fresh that is.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { LogOut, Moon, Sun } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { sessionDelete } from '../api/client.ts';
import { clusterQuery } from '../api/queries.ts';
import { useLive } from '../live/live.ts';
import { chooseTheme, currentTheme, subscribeTheme } from '../theme/theme.ts';
import { SyncChip } from './sync-chip.tsx';

export function Header() {
  const live = useLive();
  const initial = useQuery(clusterQuery);
  const cluster = live.tick?.cluster ?? initial.data;
  return (
    <header className="sticky top-0 z-10 border-line border-b bg-panel">
      <div className="mx-auto flex h-11 max-w-[1680px] items-center gap-2 px-4 sm:gap-4">
        <Link to="/" className="flex min-h-6 items-center gap-2 font-semibold text-lg">
          <Logo />
          bascule
        </Link>
        {cluster && (
          <span className="hidden min-w-0 truncate text-muted sm:block" title="Cluster">
            {cluster.name}
          </span>
        )}
        <div className="ml-auto flex min-w-0 items-center gap-1 sm:gap-2">
          <SyncChip cluster={cluster} nodes={live.tick?.nodes} />
          <ThemeButton />
          <SignOutButton />
        </div>
      </div>
    </header>
  );
}

export function Logo() {
  return (
    <svg aria-hidden="true" viewBox="0 0 32 32" className="size-4 text-accent">
      <path d="M16 2 30 16 16 30 2 16Z" fill="currentColor" />
      <path d="M9 18.5 23 13.5" stroke="var(--panel)" strokeWidth="3" strokeLinecap="round" />
    </svg>
  );
}

const iconButton =
  'inline-flex size-7 shrink-0 items-center justify-center rounded-md text-muted hover:bg-raised hover:text-fg';

export function ThemeButton() {
  const theme = useSyncExternalStore(subscribeTheme, currentTheme);
  const other = theme === 'dark' ? 'light' : 'dark';
  const Icon = theme === 'dark' ? Sun : Moon;
  return (
    <button
      type="button"
      className={iconButton}
      aria-label={`Switch to the ${other} theme`}
      title={`Switch to the ${other} theme`}
      onClick={() => chooseTheme(other)}
    >
      <Icon aria-hidden="true" size={15} />
    </button>
  );
}

function SignOutButton() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const signOut = async () => {
    // Leaves the page also when the control plane is away: the cookie then ends with the browser.
    await sessionDelete().catch(() => undefined);
    queries.clear();
    await navigate({ to: '/sign-in' });
  };
  return (
    <button type="button" className={iconButton} aria-label="Sign out" title="Sign out" onClick={signOut}>
      <LogOut aria-hidden="true" size={15} />
    </button>
  );
}
