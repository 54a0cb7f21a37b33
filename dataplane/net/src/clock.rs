//! The only clock of a core: monotonic time since start, wall time for people, and the `Date` header.
//!
//! Refuses to be read for each byte: `now` is the coarse reading that the ticker and `precise` refresh,
//! good for deadlines; `precise` reads the clock, for latencies. Invariant: both only grow.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DAY_S: u64 = 86_400;
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];

/// Length of an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT`.
const HTTP_DATE_BYTES: usize = 29;

/// One per core.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    /// Wall time at `started`; refreshed by the ticker so that a changed wall clock is followed.
    wall_offset_us: Cell<u64>,
    coarse_us: Cell<u64>,
    date: RefCell<HttpDate>,
}

#[derive(Debug)]
struct HttpDate {
    second: u64,
    text: [u8; HTTP_DATE_BYTES],
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// Starts at zero now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that owns the reading"
    )]
    pub fn new() -> Self {
        let clock = Self {
            started: Instant::now(),
            wall_offset_us: Cell::new(0),
            coarse_us: Cell::new(0),
            date: RefCell::new(HttpDate {
                second: u64::MAX,
                text: [b' '; HTTP_DATE_BYTES],
            }),
        };
        clock.tick();
        clock
    }

    /// Refreshes the coarse readings; called by the ticker of the core.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that owns the reading"
    )]
    pub fn tick(&self) {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let monotonic = self.precise();
        self.wall_offset_us
            .set(micros(wall.saturating_sub(monotonic)));
    }

    /// Time since start; reads the clock (some 25 ns).
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that owns the reading"
    )]
    pub fn precise(&self) -> Duration {
        let now = Instant::now().duration_since(self.started);
        self.coarse_us.set(micros(now));
        now
    }

    /// Time since start as of the last reading; at most one tick old.
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.coarse_us.get())
    }

    /// Wall clock as of the last reading, microseconds since 1970.
    pub fn unix_us(&self) -> u64 {
        self.wall_offset_us
            .get()
            .saturating_add(self.coarse_us.get())
    }

    /// Appends wall time as RFC 3339 in UTC with microseconds.
    pub fn append_rfc3339(&self, out: &mut Vec<u8>) {
        let us = self.unix_us();
        let second = us / 1_000_000;
        let (year, month, day) = civil(second / DAY_S);
        let in_day = second % DAY_S;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let micros = us % 1_000_000;
        let parts = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, in_day / 3_600),
            (14, in_day / 60 % 60),
            (17, in_day % 60),
            (20, micros / 10_000),
            (22, micros / 100 % 100),
            (24, micros % 100),
        ];
        for (at, value) in parts {
            put(&mut text, at, &two_digits(value));
        }
        out.extend_from_slice(&text);
    }

    /// Appends the value of a `Date` header; formatted once a second.
    pub fn append_http_date(&self, out: &mut Vec<u8>) {
        let second = self.unix_us() / 1_000_000;
        let mut date = self.date.borrow_mut();
        if date.second != second {
            date.second = second;
            date.text = http_date(second);
        }
        out.extend_from_slice(&date.text);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Days since 1970 to year, month (1-12), day (1-31); Howard Hinnant's `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn http_date(second: u64) -> [u8; HTTP_DATE_BYTES] {
    let days = second / DAY_S;
    let in_day = second % DAY_S;
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let weekday = WEEKDAYS
        .get(usize::try_from(days % 7).unwrap_or(0))
        .copied()
        .unwrap_or(b"Thu");
    let month_name = MONTHS
        .get(usize::try_from(month.saturating_sub(1)).unwrap_or(0))
        .copied()
        .unwrap_or(b"Jan");
    put(&mut text, 0, weekday);
    put(&mut text, 5, &two_digits(day));
    put(&mut text, 8, month_name);
    put(&mut text, 12, &two_digits(year / 100));
    put(&mut text, 14, &two_digits(year % 100));
    put(&mut text, 17, &two_digits(in_day / 3_600));
    put(&mut text, 20, &two_digits(in_day / 60 % 60));
    put(&mut text, 23, &two_digits(in_day % 60));
    text
}

fn put(text: &mut [u8], at: usize, part: &[u8]) {
    if let Some(target) = text.get_mut(at..at + part.len()) {
        target.copy_from_slice(part);
    }
}

fn two_digits(n: u64) -> [u8; 2] {
    let digit = |n: u64| b'0' + u8::try_from(n % 10).unwrap_or(0);
    [digit(n / 10), digit(n)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates_are_written_as_http_wants_them() {
        assert_eq!(&http_date(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&http_date(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&http_date(951_782_400), b"Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(&http_date(4_102_444_799), b"Thu, 31 Dec 2099 23:59:59 GMT");
    }

    #[test]
    fn the_coarse_reading_never_runs_ahead_of_the_clock() {
        let clock = Clock::new();
        let coarse = clock.now();
        assert!(clock.precise() >= coarse);
        assert!(clock.unix_us() > 1_600_000_000_000_000);
    }
}
