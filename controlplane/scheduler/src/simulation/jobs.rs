//! The jobs of a simulation: each policy with each kind of schedule, in zones that change clocks.

use uuid::Uuid;

use crate::id::JobId;
use crate::job::{JobFields, JobSpec};
use crate::moment::Moment;
use crate::schedule::ScheduleFields;

pub(super) fn id(n: u128) -> JobId {
    JobId(Uuid::from_u128(n))
}

/// Some fires a day.
pub(super) fn of_years(made_at: Moment) -> Vec<JobSpec> {
    let schedules = [
        cron("5 */4 * * *", "Europe/Berlin"),
        cron("30 2 * * *", "Europe/Berlin"),
        cron("0 */6 * * *", "America/Santiago"),
        interval(7 * 3_600),
        cron("0 0 * * *", "America/Sao_Paulo"),
        cron("@weekly", "Pacific/Apia"),
        interval(5 * 3_600),
        cron("15 1,2 * * 1-5", "Australia/Lord_Howe"),
        cron("0 12 L * *", ""),
    ];
    specs(schedules, 600, made_at)
}

/// A fire every few seconds.
pub(super) fn of_hours(made_at: Moment) -> Vec<JobSpec> {
    let schedules = [
        interval(2),
        cron("*/10 * * * * *", "Europe/Berlin"),
        cron("0 * * * * *", "America/Santiago"),
        interval(7),
        interval(13),
        cron("*/5 * * * *", "Pacific/Apia"),
        interval(20),
        cron("*/30 * * * * *", "Australia/Lord_Howe"),
        interval(120),
    ];
    specs(schedules, 3, made_at)
}

fn specs(schedules: [ScheduleFields; 9], jitter_s: u64, made_at: Moment) -> Vec<JobSpec> {
    let changes: [fn(&mut JobFields); 9] = [
        |_| {},
        |fields| {
            all(fields, 5);
            queue(fields, 3);
            fields.attempts_max = 3;
        },
        |fields| fields.missed = "skip".into(),
        |fields| {
            fields.schedule.repeats = Some(300);
            all(fields, 2);
            queue(fields, 5);
        },
        |fields| {
            all(fields, 100);
            fields.schedule.skip_weekdays = vec!["sun".into()];
            fields.overlap = "allow".into();
            fields.overlap_max = 5;
            fields.on_success_job = id(5).0.to_string();
        },
        |fields| queue(fields, 10),
        |fields| {
            queue(fields, 2);
            fields.attempts_max = 2;
            fields.retry_base_ms = 30_000;
        },
        |fields| fields.on_error_service = "crm.alarm".into(),
        |fields| fields.catch_up_within_s = 60,
    ];
    schedules
        .into_iter()
        .zip(changes)
        .zip(0..)
        .map(|((schedule, change), n)| {
            let mut fields = JobFields {
                service: "crm.sync".into(),
                run_time_max_ms: 600_000,
                schedule,
                ..JobFields::default()
            };
            change(&mut fields);
            if n % 3 == 2 {
                fields.schedule.jitter_s = jitter_s;
            }
            JobSpec::parse(id(n), &fields, made_at).unwrap()
        })
        .collect()
}

fn all(fields: &mut JobFields, max: u64) {
    fields.missed = "all".into();
    fields.catch_up_max = max;
}

fn queue(fields: &mut JobFields, max: u64) {
    fields.overlap = "queue".into();
    fields.overlap_max = max;
}

fn cron(text: &str, zone: &str) -> ScheduleFields {
    ScheduleFields {
        kind: "cron".into(),
        cron: text.into(),
        zone: zone.into(),
        ..ScheduleFields::default()
    }
}

fn interval(seconds: u64) -> ScheduleFields {
    ScheduleFields {
        kind: "interval".into(),
        start: "2025-12-30T12:34:56Z".into(),
        seconds,
        ..ScheduleFields::default()
    }
}
