//! A job as an object → as the scheduler reads it.
//!
//! Invariant: the names of the fields are those of the kind `job`; where the two words differ, it is
//! here and nowhere else.

use cp_model::{Invalid, Object, Spec, Timestamp};

use crate::id::JobId;
use crate::job::{JobFields, JobSpec};
use crate::moment::Moment;
use crate::schedule::ScheduleFields;

/// `id_of` finds the jobs that follow.
pub(super) fn job_spec(
    object: &Object,
    id_of: impl Fn(&str) -> Option<JobId>,
) -> Result<JobSpec, Invalid> {
    let mut fields = job_fields(&object.spec, object.created_at);
    for follow in [&mut fields.on_success_job, &mut fields.on_error_job] {
        *follow = id_of(follow).map(|id| id.to_string()).unwrap_or_default();
    }
    JobSpec::parse(JobId(object.id), &fields, moment(object.changed_at))
}

/// The fields of a job; `created_at` is the phase of an interval that names no start. The jobs that follow
/// are left as names.
pub fn job_fields(spec: &Spec, created_at: Timestamp) -> JobFields {
    let number = |field| u64::try_from(spec.integer(field)).unwrap_or_default();
    let text = |field| spec.text(field).to_owned();
    let start = match spec.text("start") {
        "" if spec.text("type") == "interval" => created_at.to_string(),
        start => start.to_owned(),
    };
    JobFields {
        service: text("service"),
        extra: text("extra"),
        is_active: spec.is("is_active"),
        schedule: ScheduleFields {
            kind: text("type"),
            start,
            weeks: number("weeks"),
            days: number("days"),
            hours: number("hours"),
            minutes: number("minutes"),
            seconds: number("seconds"),
            repeats: spec.has("repeats").then(|| number("repeats")),
            cron: text("cron"),
            zone: text("time_zone"),
            jitter_s: number("jitter_s"),
            skip_dates: owned(spec.texts("skip_dates")),
            skip_weekdays: owned(spec.texts("skip_weekdays")),
        },
        missed: text("missed"),
        catch_up_max: number("catch_up_max"),
        catch_up_within_s: number("catch_up_within_s"),
        overlap: text("overlap"),
        overlap_max: number("overlap_max"),
        run_time_max_ms: number("run_time_max_ms"),
        attempts_max: number("attempts_max"),
        retry_base_ms: number("retry_base_ms"),
        retry_cap_ms: number("retry_cap_ms"),
        on_success_service: text("on_success_service"),
        on_success_job: text("on_success_job"),
        on_error_service: text("on_error_service"),
        on_error_job: text("on_error_job"),
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn moment(at: Timestamp) -> Moment {
    Moment::from_unix_ms(at.unix_us() / 1_000)
}
