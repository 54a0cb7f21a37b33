//! A job as it is configured.
//!
//! Owns what a job is and when it is valid; refuses its state. Invariant: a `JobSpec` has been
//! parsed, so nothing downstream checks it again.

use std::sync::Arc;

use cp_model::{Invalid, ServiceName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::JobId;
use crate::moment::Moment;
use crate::policy::{
    CATCH_UP_WITHIN_S, Missed, Overlap, RUN_TIME_MS, RUN_TIME_MS_MAX, RUN_TIME_MS_MIN, Retry, ms,
};
use crate::schedule::{Schedule, ScheduleFields};

/// What Zato allows.
pub const EXTRA_BYTES_MAX: usize = 500_000;

/// A job as people write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobFields {
    /// The service that runs.
    pub service: String,
    /// The payload of its request.
    pub extra: String,
    pub is_active: bool,
    pub schedule: ScheduleFields,
    /// `skip`, `once` or `all`.
    pub missed: String,
    /// Of `all`: how many.
    pub catch_up_max: u64,
    pub catch_up_within_s: u64,
    /// `skip`, `queue` or `allow`.
    pub overlap: String,
    /// Of `queue` and `allow`: how many.
    pub overlap_max: u64,
    /// How long one attempt may take, the search for a node included.
    pub run_time_max_ms: u64,
    /// 1: a run that failed is not tried again.
    pub attempts_max: u64,
    pub retry_base_ms: u64,
    pub retry_cap_ms: u64,
    /// Service or job (its id) that runs when a run is over; empty is none.
    pub on_success_service: String,
    pub on_success_job: String,
    pub on_error_service: String,
    pub on_error_job: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    pub id: JobId,
    pub service: ServiceName,
    pub extra: Arc<str>,
    pub is_active: bool,
    /// When the job was made or last changed: slots before belong to what it was.
    pub changed_at: Moment,
    pub schedule: Schedule,
    pub missed: Missed,
    pub overlap: Overlap,
    pub run_time_max_ms: i64,
    pub retry: Retry,
    pub on_success: Follow,
    pub on_error: Follow,
}

/// What runs after a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Follow {
    pub service: Option<ServiceName>,
    pub job: Option<JobId>,
}

// === impl JobFields ===

impl Default for JobFields {
    fn default() -> Self {
        Self {
            service: String::new(),
            extra: String::new(),
            is_active: true,
            schedule: ScheduleFields::default(),
            missed: "once".into(),
            catch_up_max: 1,
            catch_up_within_s: CATCH_UP_WITHIN_S,
            overlap: "skip".into(),
            overlap_max: 1,
            run_time_max_ms: RUN_TIME_MS,
            attempts_max: 1,
            retry_base_ms: 1_000,
            retry_cap_ms: 60_000,
            on_success_service: String::new(),
            on_success_job: String::new(),
            on_error_service: String::new(),
            on_error_job: String::new(),
        }
    }
}

// === impl JobSpec ===

impl JobSpec {
    /// Parses; an error names the field.
    pub fn parse(id: JobId, fields: &JobFields, changed_at: Moment) -> Result<Self, Invalid> {
        if fields.extra.len() > EXTRA_BYTES_MAX {
            let reason = format!("must be at most {EXTRA_BYTES_MAX} bytes");
            return Err(Invalid::new("extra", reason));
        }
        if !(RUN_TIME_MS_MIN..=RUN_TIME_MS_MAX).contains(&fields.run_time_max_ms) {
            let reason = format!("must be {RUN_TIME_MS_MIN} to {RUN_TIME_MS_MAX} ms");
            return Err(Invalid::new("run_time_max_ms", reason));
        }
        Ok(Self {
            id,
            service: ServiceName::parse(&fields.service)?,
            extra: fields.extra.as_str().into(),
            is_active: fields.is_active,
            changed_at,
            schedule: Schedule::parse(&fields.schedule)?,
            missed: Missed::parse(
                &fields.missed,
                fields.catch_up_max,
                fields.catch_up_within_s,
            )?,
            overlap: Overlap::parse(&fields.overlap, fields.overlap_max)?,
            run_time_max_ms: ms(fields.run_time_max_ms),
            retry: Retry::parse(
                fields.attempts_max,
                fields.retry_base_ms,
                fields.retry_cap_ms,
            )?,
            on_success: Follow {
                service: service("on_success_service", &fields.on_success_service)?,
                job: job("on_success_job", &fields.on_success_job)?,
            },
            on_error: Follow {
                service: service("on_error_service", &fields.on_error_service)?,
                job: job("on_error_job", &fields.on_error_job)?,
            },
        })
    }
}

fn service(field: &'static str, text: &str) -> Result<Option<ServiceName>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    ServiceName::parse(text)
        .map(Some)
        .map_err(|invalid| Invalid::new(field, invalid.reason))
}

fn job(field: &'static str, text: &str) -> Result<Option<JobId>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    Uuid::try_parse(text)
        .map(|id| Some(JobId(id)))
        .map_err(|_unparsed| Invalid::new(field, "must be the id of a job"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> JobFields {
        JobFields {
            service: "crm.sync".into(),
            schedule: ScheduleFields {
                kind: "cron".into(),
                cron: "@daily".into(),
                ..ScheduleFields::default()
            },
            ..JobFields::default()
        }
    }

    fn parse(fields: &JobFields) -> Result<JobSpec, Invalid> {
        JobSpec::parse(JobId(Uuid::nil()), fields, Moment::default())
    }

    #[test]
    fn the_defaults_are_valid_and_round_trip() {
        parse(&fields()).unwrap();
        let text = serde_json::to_string(&fields()).unwrap();
        assert_eq!(serde_json::from_str::<JobFields>(&text).unwrap(), fields());
    }

    #[test]
    fn a_refusal_names_the_field() {
        type Change = fn(&mut JobFields);
        let changes: [(&str, Change); 8] = [
            ("service", |fields| fields.service = "a b".into()),
            ("extra", |fields| fields.extra = "x".repeat(500_001)),
            ("run_time_max_ms", |fields| fields.run_time_max_ms = 999),
            ("on_success_service", |fields| {
                fields.on_success_service = "/".into();
            }),
            ("on_success_job", |fields| {
                fields.on_success_job = "x".into();
            }),
            ("on_error_service", |fields| {
                fields.on_error_service = "/".into();
            }),
            ("on_error_job", |fields| fields.on_error_job = "x".into()),
            ("attempts_max", |fields| fields.attempts_max = 0),
        ];
        for (field, change) in changes {
            let mut fields = fields();
            change(&mut fields);
            assert_eq!(parse(&fields).expect_err(field).field, field);
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(
            texts in proptest::array::uniform4("\\PC{0,16}"),
            numbers in proptest::array::uniform6(any::<u64>()),
        ) {
            let [missed, overlap, service, job] = texts;
            let [catch_up_max, catch_up_within_s, overlap_max, attempts_max, base, cap] = numbers;
            parse(&JobFields {
                missed,
                overlap,
                on_error_service: service,
                on_error_job: job,
                catch_up_max,
                catch_up_within_s,
                overlap_max,
                attempts_max,
                retry_base_ms: base,
                retry_cap_ms: cap,
                ..fields()
            })
            .ok();
        }
    }
}
