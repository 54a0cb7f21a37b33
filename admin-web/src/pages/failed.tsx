// What stands in place of a page that could not be loaded at all.

import type { ErrorComponentProps } from '@tanstack/react-router';
import { problemOf } from '../api/problem.ts';
import { ProblemNotice } from '../components/problem.tsx';

export function FailedPage({ error, reset }: ErrorComponentProps) {
  return (
    <main className="mx-auto flex min-h-dvh max-w-xl flex-col justify-center px-4">
      <h1 className="sr-only">The page could not be loaded</h1>
      <ProblemNotice problem={problemOf(error)} onRetry={reset} />
    </main>
  );
}
