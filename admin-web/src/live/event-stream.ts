// Parser of `text/event-stream`. Sans I/O: text in, events out.
//
// Not the browser's EventSource, because that hides the HTTP status (a 401 must lead to the sign-in page) and forgets
// the last event's id when the page reconnects by itself.
//
// Invariant: however the text is cut into chunks, the events are the same.

export interface StreamEvent {
  event: string;
  data: string;
}

/** A line longer than this is no tick of ours; a tick of a thousand nodes is below 2 MiB. */
const BUFFER_CHARS_MAX = 8 * 1024 * 1024;

export class EventStreamParser {
  lastEventId = '';
  #buffer = '';
  #event = '';
  #data: string[] = [];

  push(chunk: string): StreamEvent[] {
    this.#buffer += chunk;
    if (this.#buffer.length > BUFFER_CHARS_MAX) throw new RangeError('an event of the stream is too long');
    const events: StreamEvent[] = [];
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#buffer);
      if (!end) return events;
      const line = this.#buffer.slice(0, end.index);
      this.#buffer = this.#buffer.slice(end.index + end[0].length);
      const event = this.#line(line);
      if (event) events.push(event);
    }
  }

  #line(line: string): StreamEvent | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.lastEventId = value;
    return null;
  }

  #dispatch(): StreamEvent | null {
    const event = this.#data.length === 0 ? null : { event: this.#event || 'message', data: this.#data.join('\n') };
    this.#event = '';
    this.#data = [];
    return event;
  }
}
