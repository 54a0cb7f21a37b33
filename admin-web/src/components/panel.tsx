// A titled part of a page. Each panel fails alone: its error never takes the page with it.

import { Component, type ReactNode, useId } from 'react';
import { problemOf } from '../api/problem.ts';
import { ProblemNotice } from './problem.tsx';

interface Props {
  title: string;
  /** A number or a phrase beside the title. */
  note?: ReactNode;
  /** Controls at the right end of the title row. */
  actions?: ReactNode;
  children: ReactNode;
}

export function Panel({ title, note, actions, children }: Props) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="min-w-0 overflow-hidden rounded-lg border border-line bg-panel">
      <div className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-line border-b px-3 py-1.5">
        <h2 id={id} className="font-semibold text-base">
          {title}
        </h2>
        {note !== undefined && <span className="figures text-muted text-sm">{note}</span>}
        {actions && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      <PanelFence>{children}</PanelFence>
    </section>
  );
}

class PanelFence extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div className="p-3">
        <ProblemNotice problem={problemOf(this.state.error)} onRetry={() => this.setState({ error: null })} />
      </div>
    );
  }
}

export function PanelError({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <div className="p-3">
      <ProblemNotice problem={problemOf(error)} onRetry={onRetry} />
    </div>
  );
}

/** One sentence and what to do about it. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-start gap-2 px-3 py-4 text-muted">
      <p>{children}</p>
      {action}
    </div>
  );
}
