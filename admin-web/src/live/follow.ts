// Follows `GET /api/v1/stream` for as long as the page is open: connects, listens, notices silence, connects again,
// and lets go while the page is hidden. Owns the connection; what the events mean is the reducer's business.
//
// Invariant: at most one connection, and none while the page is hidden.

import { EventStreamParser, type StreamEvent } from './event-stream.ts';

export interface Listener {
  connecting(): void;
  event(event: StreamEvent): void;
  dropped(): void;
  hidden(): void;
  /** The session ended; nothing is tried again. */
  unauthorized(): void;
}

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 8000;
/** The server sends a tick each second; this long without a byte means a dead peer behind an open socket. */
const SILENCE_MAX_MS = 6000;

/** Starts; the answer stops it. */
export function followStream(url: string, listener: Listener): () => void {
  const stopped = new AbortController();
  void follow(url, listener, stopped.signal);
  return () => stopped.abort();
}

async function follow(url: string, listener: Listener, stopped: AbortSignal): Promise<void> {
  const parser = { lastEventId: '' };
  let failures = 0;
  while (!stopped.aborted) {
    if (document.hidden) {
      listener.hidden();
      await wait(null, stopped);
      continue;
    }
    listener.connecting();
    const outcome = await listen(url, listener, parser, stopped);
    if (stopped.aborted) return;
    if (outcome === 'unauthorized') return listener.unauthorized();
    if (outcome === 'hidden') continue;
    failures = outcome === 'heard' ? 1 : failures + 1;
    listener.dropped();
    await wait(Math.min(RETRY_FIRST_MS * 2 ** (failures - 1), RETRY_MAX_MS), stopped);
  }
}

type Outcome = 'unauthorized' | 'hidden' | 'heard' | 'failed';

async function listen(
  url: string,
  listener: Listener,
  resume: { lastEventId: string },
  stopped: AbortSignal,
): Promise<Outcome> {
  const connection = new AbortController();
  const close = () => connection.abort();
  const closeIfHidden = () => document.hidden && close();
  stopped.addEventListener('abort', close);
  document.addEventListener('visibilitychange', closeIfHidden);
  let watchdog = setTimeout(close, SILENCE_MAX_MS);
  let heard = false;
  try {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (resume.lastEventId) headers['last-event-id'] = resume.lastEventId;
    const response = await fetch(url, { headers, cache: 'no-store', signal: connection.signal });
    if (response.status === 401) return 'unauthorized';
    if (!response.ok || !response.body) return 'failed';
    const parser = new EventStreamParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      clearTimeout(watchdog);
      watchdog = setTimeout(close, SILENCE_MAX_MS);
      for (const event of parser.push(value)) {
        heard = true;
        listener.event(event);
      }
      resume.lastEventId = parser.lastEventId || resume.lastEventId;
    }
  } catch {
    // A refused connection, a cut one and our own abort look the same here; the outcome below tells them apart.
  } finally {
    clearTimeout(watchdog);
    close();
    stopped.removeEventListener('abort', close);
    document.removeEventListener('visibilitychange', closeIfHidden);
  }
  if (document.hidden) return 'hidden';
  return heard ? 'heard' : 'failed';
}

/** Waits for the time (null: for ever), for the page to be shown again, for the network to return, or for the stop. */
function wait(milliseconds: number | null, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = milliseconds === null ? undefined : setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', done);
      window.removeEventListener('online', done);
      stopped.removeEventListener('abort', done);
      resolve();
    }
    document.addEventListener('visibilitychange', done);
    window.addEventListener('online', done);
    stopped.addEventListener('abort', done);
  });
}
