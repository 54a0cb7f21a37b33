//! The text format of Prometheus, version 0.0.4.
//!
//! Invariant: every sample stands under its family's HELP and TYPE, labels are escaped.

use std::fmt::{Display, Write as _};

use dp_stats::Buckets;

/// Upper bounds in microseconds: OpenTelemetry's 5 ms to 10 s, and four below, because our median
/// is below a millisecond.
const BOUNDS_US: [u64; 18] = [
    500, 750, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000,
    750_000, 1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000,
];

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
    family: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

// === impl Exposition ===

impl Exposition {
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        self.line(format_args!(
            "# HELP {name} {help}.\n# TYPE {name} {kind}\n"
        ));
    }

    /// One sample of the family that was opened last.
    pub(super) fn sample(&mut self, suffix: &str, labels: Labels<'_>, value: impl Display) {
        let family = self.family;
        self.line(format_args!("{family}{suffix}"));
        let mut separator = '{';
        for (name, text) in labels {
            self.line(format_args!("{separator}{name}=\"{}\"", Escaped(text)));
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        self.line(format_args!(" {value}\n"));
    }

    /// A family of one sample.
    pub(super) fn single(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &str,
        value: impl Display,
    ) {
        self.family(name, kind, help);
        self.sample("", &[], value);
    }

    /// Durations in microseconds, told in seconds.
    pub(super) fn histogram(&mut self, labels: Labels<'_>, durations: &Buckets) {
        for bound in BOUNDS_US {
            let seconds = seconds(bound);
            let bucket: Vec<_> = labels
                .iter()
                .copied()
                .chain([("le", seconds.as_str())])
                .collect();
            self.sample("_bucket", &bucket, durations.count_at_most(bound));
        }
        let infinite: Vec<_> = labels.iter().copied().chain([("le", "+Inf")]).collect();
        self.sample("_bucket", &infinite, durations.count());
        self.sample("_sum", labels, seconds(durations.sum()));
        self.sample("_count", labels, durations.count());
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _written: std::fmt::Result = self.text.write_fmt(text);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds need no more than 53 bits"
)]
fn seconds(us: u64) -> String {
    (us as f64 / 1e6).to_string()
}

struct Escaped<'a>(&'a str);

// === impl Escaped ===

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
