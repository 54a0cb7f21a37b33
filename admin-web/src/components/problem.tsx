// A failed call, said so that a person can act: what, why, where in the input, the cid to search for, and a way on.

import type { Problem } from '../api/types.ts';
import { Button } from './button.tsx';
import { Copyable } from './copy.tsx';
import { Shape } from './status.tsx';

export function ProblemNotice({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div role="alert" className="rounded-md border border-bad/50 bg-bad-ground px-3 py-2">
      <div className="flex items-baseline gap-2">
        <Shape mark="triangle" tone="bad" />
        <p className="min-w-0 grow break-words font-medium">
          {problem.title}
          {problem.status > 0 && <span className="font-normal text-muted"> · {problem.status}</span>}
        </p>
      </div>
      {problem.detail && <p className="mt-0.5 break-words pl-4.5">{problem.detail}</p>}
      {problem.errors && problem.errors.length > 0 && (
        <ul className="mt-1 pl-4.5">
          {problem.errors.map((error) => (
            <li key={`${error.pointer} ${error.detail}`} className="break-words">
              <code className="font-mono text-sm">{error.pointer}</code> {error.detail}
            </li>
          ))}
        </ul>
      )}
      {(problem.cid || onRetry) && (
        <div className="mt-1 flex flex-wrap items-center gap-3 pl-4.5">
          {problem.cid && (
            <span className="inline-flex items-center gap-1 text-muted text-sm">
              cid <Copyable text={problem.cid} label="cid" />
            </span>
          )}
          {onRetry && (
            <Button look="quiet" onClick={onRetry}>
              Try again
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
