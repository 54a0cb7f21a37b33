import { describe, expect, it } from 'vitest';
import { bytes, count, micros, millis, rate, share } from './number.ts';

const check = <Value>(format: (value: Value) => string, table: [Value, string][]) => {
  for (const [value, text] of table) expect(format(value), String(value)).toBe(text);
};

describe('numbers', () => {
  it('a_rate_has_at_most_three_digits_that_change_and_never_hides_a_little', () => {
    check(rate, [
      [0, '0'],
      [0.01, '<0.1'],
      [0.4, '0.4'],
      [12, '12'],
      [12.46, '12.5'],
      [99.96, '100'],
      [1234.5, '1,235'],
      [1_234_567, '1,234,567'],
      [-0, '0'],
    ]);
  });
  it('a_duration_takes_the_unit_that_a_person_would', () => {
    check(micros, [
      [0, '0 µs'],
      [840, '840 µs'],
      [999.6, '1.00 ms'],
      [3120, '3.12 ms'],
      [12_400, '12.4 ms'],
      [999_400, '999 ms'],
      [999_600, '1.00 s'],
      [30_000_000, '30.0 s'],
    ]);
    check(millis, [
      [12, '12 ms'],
      [12.43, '12.4 ms'],
      [1500, '1.5 s'],
    ]);
  });
  it('a_share_and_a_size_read_at_a_glance', () => {
    check(share, [
      [0, '0 %'],
      [0.0004, '<0.1 %'],
      [0.024, '2.4 %'],
      [1, '100 %'],
    ]);
    check(bytes, [
      [0, '0 B'],
      [1023, '1,023 B'],
      [1024, '1.00 KiB'],
      [84_300_000, '80.4 MiB'],
    ]);
  });
  it('what_is_not_known_is_a_dash_and_not_a_zero', () => {
    for (const format of [rate, micros, count, share, bytes, millis]) {
      for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) expect(format(value)).toBe('–');
    }
  });
});
