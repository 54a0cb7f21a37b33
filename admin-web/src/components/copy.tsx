// Something worth copying (a cid, a command) with its button. Falls back to selecting the text where the clipboard is
// not allowed (plain http on another host than loopback).

import { Check, Copy } from 'lucide-react';
import { useRef, useState } from 'react';

const SHOWN_MS = 1500;

export function Copyable({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const code = useRef<HTMLElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (code.current) getSelection()?.selectAllChildren(code.current);
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  const Icon = copied ? Check : Copy;
  return (
    <span className="inline-flex max-w-full items-center gap-1">
      <code ref={code} className="truncate font-mono text-sm">
        {text}
      </code>
      <button
        type="button"
        onClick={copy}
        aria-label={copied ? `${label} copied` : `Copy ${label}`}
        className="inline-flex size-6 shrink-0 items-center justify-center text-muted hover:text-fg"
      >
        <Icon aria-hidden="true" size={13} />
      </button>
    </span>
  );
}

/** A line for the terminal. */
export function CommandLine({ command }: { command: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-2 rounded-md border border-line bg-ground py-0.5 pr-1 pl-2.5">
      <span aria-hidden="true" className="font-mono text-muted text-sm">
        $
      </span>
      <Copyable text={command} label="command" />
    </span>
  );
}
