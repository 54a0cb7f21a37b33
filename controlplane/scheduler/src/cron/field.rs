//! One field of a cron pattern.
//!
//! Owns lists, ranges, steps and names; refuses to know what the other fields say. Invariant: a
//! field that was parsed has at least one bit, and none outside of its range.

/// A list of all seconds of a minute, and some more that repeat.
const ITEMS_MAX: usize = 100;

pub(super) const SECOND: Field = Field::new("second", 0, 59, &[]);
pub(super) const MINUTE: Field = Field::new("minute", 0, 59, &[]);
pub(super) const HOUR: Field = Field::new("hour", 0, 23, &[]);
pub(super) const MONTH: Field = Field::new(
    "month",
    1,
    12,
    &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
);
const DAY_OF_MONTH: Field = Field::new("day of month", 1, 31, &[]);
const DAY_OF_WEEK: Field = Field::new(
    "day of week",
    0,
    7,
    &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
);

#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// Names of the values from `min` on.
    names: &'static [&'static str],
}

// === impl Field ===

impl Field {
    const fn new(name: &'static str, min: u32, max: u32, names: &'static [&'static str]) -> Self {
        Self {
            name,
            min,
            max,
            names,
        }
    }

    /// The bits of a field that has every value.
    pub(super) const fn all(&self) -> u64 {
        ((1 << (self.max + 1)) - 1) & !((1 << self.min) - 1)
    }

    pub(super) fn parse(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for item in self.items(text)? {
            bits |= self.item(item)?;
        }
        Ok(bits)
    }

    fn items<'a>(&self, text: &'a str) -> Result<impl Iterator<Item = &'a str> + use<'a>, String> {
        if text.split(',').count() > ITEMS_MAX {
            return Err(format!(
                "{}: must list at most {ITEMS_MAX} items",
                self.name
            ));
        }
        Ok(text.split(','))
    }

    /// `*`, `*/n`, `a`, `a-b`, `a-b/n`, `a/n`.
    fn item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None if range == "*" || range == "?" => (self.min, self.max),
            None if step.is_some() => (self.value(range)?, self.max),
            None => {
                let value = self.value(range)?;
                (value, value)
            }
        };
        if first > last {
            return Err(format!("{}: {first}-{last} runs backwards", self.name));
        }
        let bits = (first..=last)
            .step_by(step.unwrap_or(1))
            .fold(0, |bits, value| bits | 1 << value);
        Ok(bits)
    }

    /// A step longer than the field is a mistake: `*/90` minutes would be once an hour.
    fn step(&self, text: &str) -> Result<usize, String> {
        number(text)
            .filter(|step| (1..=self.max).contains(step))
            .and_then(|step| usize::try_from(step).ok())
            .ok_or_else(|| format!("{}: a step must be 1 to {}", self.name, self.max))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self
            .names
            .iter()
            .zip(self.min..)
            .find(|(name, _value)| text.eq_ignore_ascii_case(name))
            .map(|(_name, value)| value);
        named
            .or_else(|| number(text))
            .filter(|value| (self.min..=self.max).contains(value))
            .ok_or_else(|| {
                let shown: String = text.chars().take(20).collect();
                format!(
                    "{}: must be {} to {}, got {shown:?}",
                    self.name, self.min, self.max
                )
            })
    }
}

/// Days of the month as bits, and whether `L` stands among them.
pub(super) fn parse_days_of_month(text: &str) -> Result<(u64, bool), String> {
    let (mut bits, mut is_last) = (0, false);
    for item in DAY_OF_MONTH.items(text)? {
        if item == "L" {
            is_last = true;
        } else {
            bits |= DAY_OF_MONTH.item(item)?;
        }
    }
    Ok((bits, is_last))
}

/// Days of the week as bits 0 to 6, and `5#2`, `5L` as bits `6 * day + week`, the last being week 0.
pub(super) fn parse_days_of_week(text: &str) -> Result<(u64, u64), String> {
    let (mut bits, mut nth) = (0, 0);
    for item in DAY_OF_WEEK.items(text)? {
        if let Some((day, week)) = item.split_once('#') {
            let week = number(week)
                .filter(|week| (1..=5).contains(week))
                .ok_or("day of week: after # must be 1 to 5")?;
            nth |= 1_u64 << (6 * (DAY_OF_WEEK.value(day)? % 7) + week);
        } else if let Some(day) = item.strip_suffix('L') {
            nth |= 1_u64 << (6 * (DAY_OF_WEEK.value(day)? % 7));
        } else {
            bits |= DAY_OF_WEEK.item(item)?;
        }
    }
    Ok(((bits | bits >> 7) & 0x7f, nth))
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u32> {
    let plain = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_number| plain)
}
