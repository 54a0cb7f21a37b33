import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { followStream, type Listener } from './follow.ts';

type Call = { headers: Record<string, string>; signal: AbortSignal };

let calls: Call[] = [];
let stop = () => {};

function listener(): Listener & { log: string[] } {
  const log: string[] = [];
  return {
    log,
    connecting: () => log.push('connecting'),
    event: ({ event, data }) => log.push(`${event} ${data}`),
    dropped: () => log.push('dropped'),
    hidden: () => log.push('hidden'),
    unauthorized: () => log.push('unauthorized'),
  };
}

function serve(...answers: (() => Response)[]) {
  vi.stubGlobal('fetch', (_url: string, init: Call) => {
    calls.push(init);
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    return answer ? Promise.resolve(answer()) : Promise.reject(new TypeError('refused'));
  });
}

const text = (body: string) => () => new Response(body);

beforeEach(() => {
  calls = [];
  vi.useFakeTimers();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

it('a_stream_that_ends_is_taken_up_after_the_last_event_it_gave', async () => {
  serve(text('id: 41\nevent: tick\ndata: 1\n\n'), text('id: 42\nevent: tick\ndata: 2\n\n'));
  const heard = listener();
  stop = followStream('/stream', heard);
  await vi.waitFor(() => expect(heard.log).toContain('tick 2'));
  expect(heard.log.slice(0, 5)).toEqual(['connecting', 'tick 1', 'dropped', 'connecting', 'tick 2']);
  expect(calls[0]?.headers['last-event-id']).toBeUndefined();
  expect(calls[1]?.headers['last-event-id']).toBe('41');
});

it('an_ended_session_is_told_and_nothing_is_tried_again', async () => {
  serve(() => new Response(null, { status: 401 }));
  const heard = listener();
  stop = followStream('/stream', heard);
  await vi.waitFor(() => expect(heard.log).toEqual(['connecting', 'unauthorized']));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls).toHaveLength(1);
});

it('a_control_plane_that_is_away_is_asked_ever_less_often', async () => {
  serve();
  const heard = listener();
  stop = followStream('/stream', heard);
  await vi.advanceTimersByTimeAsync(7000);
  expect(calls).toHaveLength(4);
  await vi.advanceTimersByTimeAsync(8000);
  expect(calls).toHaveLength(5);
});

it('a_silent_connection_is_given_up', async () => {
  serve(() => new Response(new ReadableStream({ start: () => {} })));
  const heard = listener();
  stop = followStream('/stream', heard);
  await vi.advanceTimersByTimeAsync(5900);
  expect(calls[0]?.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(calls[0]?.signal.aborted).toBe(true);
});

it('a_hidden_page_holds_no_connection_and_a_shown_one_connects_again', async () => {
  const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
  serve(() => new Response(new ReadableStream({ start: () => {} })));
  const heard = listener();
  stop = followStream('/stream', heard);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(heard.log).toEqual(['hidden']);
  hidden.mockReturnValue(false);
  document.dispatchEvent(new Event('visibilitychange'));
  await vi.advanceTimersByTimeAsync(1);
  expect(calls).toHaveLength(1);
  hidden.mockReturnValue(true);
  document.dispatchEvent(new Event('visibilitychange'));
  expect(calls[0]?.signal.aborted).toBe(true);
});

it('a_stopped_stream_stays_stopped', async () => {
  serve(text('data: 1\n\n'));
  const heard = listener();
  stop = followStream('/stream', heard);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls.length).toBeLessThanOrEqual(1);
});
