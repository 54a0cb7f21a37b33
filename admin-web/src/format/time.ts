// Times as text. Pure: `now` is an argument, so that a test is not a race.

import { UNKNOWN } from './number.ts';

/** `now`, `8 s`, `3 min`, `2 h`, `4 d`. A time in the future (the clocks differ) is `now`, never negative. */
export function age(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return UNKNOWN;
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function since(at: string | null | undefined, now: number): string {
  const time = parse(at);
  return time === null ? UNKNOWN : age(now - time);
}

export function ago(at: string | null | undefined, now: number): string {
  const text = since(at, now);
  return text === 'now' || text === UNKNOWN ? text : `${text} ago`;
}

/** Local clock time of today, with the date before it on any other day. */
export function clock(at: string | null | undefined, now: number): string {
  const time = parse(at);
  if (time === null) return UNKNOWN;
  const date = new Date(time);
  const text = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  if (date.toDateString() === new Date(now).toDateString()) return text;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${text}`;
}

export function parse(at: string | null | undefined): number | null {
  if (!at) return null;
  const time = Date.parse(at);
  return Number.isNaN(time) ? null : time;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
