// A path that the console does not have.

import { Link, useLocation } from '@tanstack/react-router';
import { Logo } from '../components/header.tsx';

export function NotFoundPage() {
  const { pathname } = useLocation();
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-3 px-4">
      <Logo />
      <h1 className="font-semibold text-xl">Not found</h1>
      <p className="break-words">
        The console has no page <code className="font-mono text-sm">{pathname}</code>.
      </p>
      <p>
        <Link to="/" className="text-accent underline underline-offset-2">
          Go to the overview
        </Link>
      </p>
    </main>
  );
}
