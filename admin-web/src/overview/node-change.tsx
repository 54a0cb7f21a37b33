// Drain and resume: the button of a row, and the sentence that says what came of it, with the way back.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { nodeDrain, nodeResume } from '../api/client.ts';
import { problemOf } from '../api/problem.ts';
import { queryKeys } from '../api/queries.ts';
import type { Applied, Node } from '../api/types.ts';
import { Button } from '../components/button.tsx';
import { ProblemNotice } from '../components/problem.tsx';
import { Shape } from '../components/status.tsx';
import { millis } from '../format/number.ts';

type Action = 'drain' | 'resume';

interface Request {
  name: string;
  action: Action;
}

const CALL = { drain: nodeDrain, resume: nodeResume };
const DONE = { drain: 'is draining', resume: 'is back online' };
const OPPOSITE: Record<Action, Action> = { drain: 'resume', resume: 'drain' };

export type NodeChangeControl = ReturnType<typeof useNodeChange>;

export function useNodeChange() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, action }: Request) => CALL[action](name),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: queryKeys.nodes });
      void queries.invalidateQueries({ queryKey: queryKeys.generations });
    },
  });
}

export function NodeSwitch({ node, change }: { node: Node; change: NodeChangeControl }) {
  const action: Action = node.state === 'online' ? 'drain' : 'resume';
  const isMine = change.isPending && change.variables.name === node.name;
  return (
    <Button
      disabled={change.isPending}
      title={change.isPending && !isMine ? `Wait for ${change.variables.name} first` : hintOf(action)}
      aria-label={`${titleOf(action)} ${node.name}`}
      onClick={() => change.mutate({ name: node.name, action })}
      className="-my-1"
    >
      {isMine ? 'Applying…' : titleOf(action)}
    </Button>
  );
}

export function ChangeNotice({ change }: { change: NodeChangeControl }) {
  const { data, variables, error } = change;
  return (
    <>
      {/* Always in the page, so that a screen reader hears what appears in it. */}
      <div role="status">
        {data && variables && (
          <div className="flex flex-wrap items-center gap-x-3 border-line border-b bg-raised px-3 py-1">
            <span className="figures inline-flex min-w-0 items-baseline gap-1.5">
              <Shape mark={data.applied.complete ? 'full' : 'half'} tone={data.applied.complete ? 'ok' : 'warn'} />
              <span className="break-words">
                <strong className="font-medium">{variables.name}</strong> {DONE[variables.action]}:{' '}
                {appliedText(data.applied)}
              </span>
            </span>
            <Button
              look="quiet"
              onClick={() => change.mutate({ name: variables.name, action: OPPOSITE[variables.action] })}
            >
              Undo
            </Button>
            <button
              type="button"
              aria-label="Dismiss"
              onClick={() => change.reset()}
              className="ml-auto inline-flex size-6 items-center justify-center text-muted hover:text-fg"
            >
              <X aria-hidden="true" size={14} />
            </button>
          </div>
        )}
      </div>
      {error && variables && (
        <div className="p-3">
          <ProblemNotice problem={problemOf(error)} onRetry={() => change.mutate(variables)} />
        </div>
      )}
    </>
  );
}

/** `r7 applied on 2/2 nodes in 12 ms`; what has not answered or refused is named. */
export function appliedText(applied: Applied): string {
  const done = applied.nodes.filter((node) => node.state === 'applied').length;
  const named = (state: string) => applied.nodes.filter((node) => node.state === state).map((node) => node.node);
  const notes = [
    ...named('rejected').map((name) => `${name} rejected it`),
    ...named('pending').map((name) => `${name} has not answered yet`),
    ...named('away').map((name) => `${name} is away`),
  ];
  const text = `r${applied.generation} applied on ${done}/${applied.nodes.length} nodes in ${millis(applied.took_ms)}`;
  return notes.length === 0 ? text : `${text}; ${notes.join(', ')}`;
}

function titleOf(action: Action): string {
  return action === 'drain' ? 'Drain' : 'Resume';
}

function hintOf(action: Action): string {
  return action === 'drain'
    ? 'Finish what runs, send new requests to the other nodes'
    : 'Send requests to this node again';
}
