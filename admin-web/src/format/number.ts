// Numbers as text. Pure; one locale, so that two people who read the same page read the same digits.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** What stands where a number is not known. */
export const UNKNOWN = '–';

/** A rate or a gauge: `0`, `0.4`, `12.5`, `1,234`; below 0.05 but not zero is `<0.1`, because it is not nothing. */
export function rate(value: number | null | undefined): string {
  if (!isKnown(value)) return UNKNOWN;
  if (value <= 0) return '0';
  if (value < 0.05) return '<0.1';
  return value < 99.95 ? trimmed(value) : whole.format(value);
}

export function count(value: number | null | undefined): string {
  return isKnown(value) ? whole.format(value) : UNKNOWN;
}

/** `r418`; generation 0 is none at all. */
export function generation(value: number | null | undefined): string {
  return value ? `r${value}` : UNKNOWN;
}

/** `840 µs`, `12.4 ms`, `1.20 s`: three digits at most, so that columns line up. */
export function micros(value: number | null | undefined): string {
  if (!isKnown(value)) return UNKNOWN;
  if (value < 999.5) return `${Math.round(value)} µs`;
  if (value < 999_500) return `${digits(value / 1000)} ms`;
  return `${digits(value / 1_000_000)} s`;
}

/** Milliseconds within a sentence: `12 ms`, `12.4 ms`, `1.5 s`. */
export function millis(value: number | null | undefined): string {
  if (!isKnown(value)) return UNKNOWN;
  return value < 999.5 ? `${trimmed(value)} ms` : `${trimmed(value / 1000)} s`;
}

export function share(value: number | null | undefined): string {
  if (!isKnown(value)) return UNKNOWN;
  const percent = value * 100;
  if (percent > 0 && percent < 0.1) return '<0.1 %';
  return `${percent < 10 ? trimmed(percent) : whole.format(percent)} %`;
}

export function bytes(value: number | null | undefined): string {
  if (!isKnown(value)) return UNKNOWN;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(size) : digits(size)} ${units[unit]}`;
}

function digits(value: number): string {
  if (value >= 99.95) return whole.format(value);
  return value >= 9.995 ? tenth.format(value) : value.toFixed(2);
}

function trimmed(value: number): string {
  return tenth.format(value).replace(/\.0$/, '');
}

function isKnown(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
