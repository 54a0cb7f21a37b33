// Sign in: paste the admin token. The one-time link of the terminal leads past this page (auth/setup.ts).

import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { sessionCreate } from '../api/client.ts';
import { problemOf } from '../api/problem.ts';
import type { Problem } from '../api/types.ts';
import { Button } from '../components/button.tsx';
import { CommandLine } from '../components/copy.tsx';
import { Logo, ThemeButton } from '../components/header.tsx';
import { ProblemNotice } from '../components/problem.tsx';

interface Props {
  /** Why the one-time link did not work, when one was tried. */
  linkProblem: Problem | null;
  onSignedIn: () => void;
}

export function SignInPage({ linkProblem, onSignedIn }: Props) {
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-4 px-4 py-8">
      <div className="flex items-center gap-2">
        <Logo />
        <span className="font-semibold text-lg">bascule</span>
        <span className="ml-auto">
          <ThemeButton />
        </span>
      </div>
      <section className="rounded-lg border border-line bg-panel p-4">
        <h1 className="font-semibold text-xl">Sign in</h1>
        <TokenForm linkProblem={linkProblem} onSignedIn={onSignedIn} />
      </section>
      <div className="flex flex-col items-start gap-2 text-muted text-sm">
        <p>
          The token is in <code className="font-mono">admin.token</code> in the control plane's state folder. On a
          machine that runs <code className="font-mono">bascule dev</code>:
        </p>
        <CommandLine command="cat .bascule/admin.token" />
      </div>
    </main>
  );
}

function TokenForm({ linkProblem, onSignedIn }: Props) {
  const queries = useQueryClient();
  const id = useId();
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<Problem | null>(linkProblem);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await sessionCreate({ token: token.trim() });
    } catch (error) {
      setProblem(tokenProblem(problemOf(error)));
      setBusy(false);
      return;
    }
    queries.clear();
    onSignedIn();
  };
  return (
    <form onSubmit={submit} className="mt-3 flex flex-col gap-3">
      {problem && <ProblemNotice problem={problem} />}
      <div className="flex flex-col gap-1">
        <label htmlFor={id}>Admin token</label>
        <input
          id={id}
          name="token"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
          placeholder="bsc_…"
          className="h-8 rounded-md border border-line-strong bg-ground px-2 font-mono placeholder:text-muted"
        />
      </div>
      <Button type="submit" look="primary" disabled={isBusy} className="h-8 self-start px-4">
        {isBusy ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  );
}

function tokenProblem(problem: Problem): Problem {
  if (problem.status !== 401) return problem;
  return { ...problem, title: 'This token is not right', detail: 'Check that the whole line was copied.' };
}
