import { expect, it } from 'vitest';
import { EventStreamParser } from './event-stream.ts';

const TEXT = ': hello\nid: 7\nevent: tick\ndata: {"a":\ndata: 1}\n\nevent: empty\n\r\ndata:x\r\n\r\nid: 8\ndata: é\n\n';
const EVENTS = [
  { event: 'tick', data: '{"a":\n1}' },
  { event: 'message', data: 'x' },
  { event: 'message', data: 'é' },
];

it('the_events_are_the_same_however_the_text_is_cut', () => {
  for (let size = 1; size <= TEXT.length; size += 1) {
    const parser = new EventStreamParser();
    const events = [];
    for (let start = 0; start < TEXT.length; start += size)
      events.push(...parser.push(TEXT.slice(start, start + size)));
    expect(events, `chunks of ${size}`).toEqual(EVENTS);
    expect(parser.lastEventId).toBe('8');
  }
});

it('an_event_without_an_end_is_given_up', () => {
  const parser = new EventStreamParser();
  const chunk = 'x'.repeat(1024 * 1024);
  expect(() => {
    for (let index = 0; index < 9; index += 1) parser.push(chunk);
  }).toThrow(RangeError);
});
