// The states of a node, each with a shape and a word beside its colour, so that colour is never the only signal.

import { clsx } from 'clsx';
import type { ReactNode } from 'react';
import type { GenerationNode, Node } from '../api/types.ts';

export type Mark = 'full' | 'half' | 'triangle' | 'ring' | 'pause' | 'stop';
export type Tone = 'ok' | 'warn' | 'bad' | 'muted';

const TONE: Record<Tone, string> = { ok: 'text-ok', warn: 'text-warn', bad: 'text-bad', muted: 'text-muted' };

const SHAPE: Record<Mark, ReactNode> = {
  full: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  half: (
    <>
      <circle cx="6" cy="6" r="3.75" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M6 2.25a3.75 3.75 0 0 0 0 7.5Z" fill="currentColor" />
    </>
  ),
  triangle: <path d="M6 1 11.5 10.5H.5Z" fill="currentColor" />,
  ring: <circle cx="6" cy="6" r="3.75" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  pause: <path d="M2.5 2h2.5v8H2.5ZM7 2h2.5v8H7Z" fill="currentColor" />,
  stop: <path d="M2 2h8v8H2Z" fill="currentColor" />,
};

export function Shape({ mark, tone }: { mark: Mark; tone: Tone }) {
  return (
    <svg aria-hidden="true" viewBox="0 0 12 12" className={clsx('inline-block size-2.5 shrink-0', TONE[tone])}>
      {SHAPE[mark]}
    </svg>
  );
}

function Labelled({ mark, tone, children }: { mark: Mark; tone: Tone; children: ReactNode }) {
  return (
    <span className={clsx('inline-flex items-center gap-1.5 whitespace-nowrap', tone !== 'ok' && TONE[tone])}>
      <Shape mark={mark} tone={tone} />
      {children}
    </span>
  );
}

interface Look {
  mark: Mark;
  tone: Tone;
}

/** A word that this console does not know is shown as it is, without a claim about it. */
const UNKNOWN_LOOK: Look = { mark: 'ring', tone: 'muted' };

const STATUS: Record<string, Look & { word: string }> = {
  in_sync: { mark: 'full', tone: 'ok', word: 'in sync' },
  applying: { mark: 'half', tone: 'warn', word: 'applying' },
  rejected: { mark: 'triangle', tone: 'bad', word: 'rejected' },
  away: { mark: 'ring', tone: 'muted', word: 'away' },
};

export function NodeStatusLabel({ status }: { status: Node['status'] }) {
  const { word, ...look } = STATUS[status] ?? { ...UNKNOWN_LOOK, word: status };
  return <Labelled {...look}>{word}</Labelled>;
}

const WANTED: Record<string, Look> = {
  online: { mark: 'full', tone: 'ok' },
  draining: { mark: 'pause', tone: 'warn' },
  offline: { mark: 'stop', tone: 'muted' },
};

export function WantedStateLabel({ state }: { state: Node['state'] }) {
  return state === 'online' ? <span>online</span> : <Labelled {...(WANTED[state] ?? UNKNOWN_LOOK)}>{state}</Labelled>;
}

const APPLIED: Record<string, Look & { word: string }> = {
  applied: { mark: 'full', tone: 'ok', word: 'applied' },
  pending: { mark: 'half', tone: 'warn', word: 'pending' },
  rejected: { mark: 'triangle', tone: 'bad', word: 'rejected' },
  away: { mark: 'ring', tone: 'muted', word: 'away' },
};

export function appliedLook(state: GenerationNode['state']): Look & { word: string } {
  return APPLIED[state] ?? { ...UNKNOWN_LOOK, word: state };
}

export function AppliedLabel({ state }: { state: GenerationNode['state'] }) {
  const { word, ...look } = appliedLook(state);
  return <Labelled {...look}>{word}</Labelled>;
}
