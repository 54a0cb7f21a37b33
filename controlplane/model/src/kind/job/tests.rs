//! What a job may say.

use serde_json::json;

use super::*;
use crate::kind::testing::{changed, refused, taken};

#[test]
fn a_type_has_its_own_fields_and_no_others() {
    let spec = changed(&KIND, 0, &json!({})).unwrap();
    assert_eq!((spec.integer("minutes"), spec.integer("hours")), (5, 0));
    assert_eq!(
        (spec.text("missed"), spec.text("overlap")),
        ("once", "skip")
    );
    assert!(!spec.has("cron") && !spec.has("overlap_max") && !spec.has("catch_up_max"));
    refused(
        &KIND,
        0,
        &[
            (json!({"service": null}), "service: is needed"),
            (json!({"cron": "@daily"}), "cron: is only for type cron"),
            (
                json!({"type": "one_time"}),
                "minutes: is only for type interval",
            ),
            (
                json!({"type": "cron_style"}),
                "type: must be interval | cron | one_time",
            ),
        ],
    );
    refused(
        &KIND,
        1,
        &[
            (json!({"cron": null}), "cron: is needed"),
            (json!({"repeats": 5}), "repeats: is only for type interval"),
            (json!({"hours": 1}), "hours: is only for type interval"),
        ],
    );
    refused(
        &KIND,
        2,
        &[(json!({"start": null}), "start: is needed for type one_time")],
    );
}

#[test]
fn an_interval_is_a_second_to_a_century() {
    refused(
        &KIND,
        0,
        &[
            (
                json!({"minutes": null}),
                "seconds: is needed, or minutes, hours, days or weeks: together at least one second",
            ),
            (
                json!({"weeks": 5_217, "days": 36_525}),
                "seconds: must not come to more than a hundred years with the other parts",
            ),
            (
                json!({"weeks": -1}),
                "weeks: must be a whole number, 0 to 5217",
            ),
            (
                json!({"repeats": 0}),
                "repeats: must be a whole number, 1 to 1000000000",
            ),
        ],
    );
    taken(
        &KIND,
        0,
        &[json!({"minutes": null, "seconds": 1, "repeats": 1})],
    );
}

#[test]
fn times_and_zones_have_their_form() {
    let starts = [
        "2027-01-31T08:30:00+02:00",
        "2027-01-31T08:30:00.5Z",
        "2027-01-31T08:30",
    ];
    taken(&KIND, 2, &starts.map(|start| json!({"start": start})));
    for bad in [
        "tomorrow",
        "2027-02-30T00:00:00Z",
        "2027-01-31",
        "2027-01-31T08",
        "",
    ] {
        let errors = changed(&KIND, 2, &json!({"start": bad})).expect_err(bad);
        assert!(
            errors[0].starts_with("start: must be a time such as"),
            "{errors:?}"
        );
    }
    refused(
        &KIND,
        2,
        &[
            (
                json!({"start": "2100-01-01T00:00:00Z"}),
                "start: must lie between 1970 and 2099",
            ),
            (
                json!({"time_zone": "Europe//Berlin"}),
                "time_zone: must be a time zone such as Europe/Berlin, got \"Europe//Berlin\"",
            ),
            (
                json!({"time_zone": "+02:00"}),
                "time_zone: must be a time zone such as Europe/Berlin, got \"+02:00\"",
            ),
            (
                json!({"skip_dates": ["2027-02-30"]}),
                "skip_dates/0: must be a date such as 2026-12-24, got \"2027-02-30\"",
            ),
            (
                json!({"skip_weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}),
                "skip_weekdays: must leave a day of the week",
            ),
        ],
    );
    taken(
        &KIND,
        2,
        &[
            json!({"time_zone": "America/Argentina/Buenos_Aires"}),
            json!({"time_zone": "Etc/GMT+5"}),
        ],
    );
}

#[test]
fn a_cron_line_has_its_form() {
    for good in [
        "* * * * *",
        "*/5 0-6 1,15 jan ?",
        "0 0 12 L * 5#2",
        "@daily",
        " 0  0 * * 5L ",
    ] {
        taken(&KIND, 1, &[json!({"cron": good})]);
    }
    refused(
        &KIND,
        1,
        &[
            (
                json!({"cron": "* * * *"}),
                "cron: must have 5 or 6 fields, got 4",
            ),
            (json!({"cron": ""}), "cron: must have 5 or 6 fields, got 0"),
            (
                json!({"cron": "* * * * * * *"}),
                "cron: must have 5 or 6 fields, got 7",
            ),
            (
                json!({"cron": "* * * * $"}),
                "cron: must not have the field \"$\"",
            ),
            (
                json!({"cron": "@often"}),
                "cron: must not be @often; there are @hourly, @daily, @midnight, @weekly, @monthly, \
                 @yearly, @annually",
            ),
        ],
    );
}

#[test]
fn policies_are_bounded() {
    refused(
        &KIND,
        0,
        &[
            (
                json!({"catch_up_max": 5}),
                "catch_up_max: is only for missed all",
            ),
            (
                json!({"missed": "skip", "catch_up_within_s": 5}),
                "catch_up_within_s: is only for missed once | all",
            ),
            (
                json!({"overlap_max": 5}),
                "overlap_max: is only for overlap queue | allow",
            ),
            (
                json!({"overlap": "allow"}),
                "overlap_max: must be at least 2 to allow that runs overlap",
            ),
            (
                json!({"retry_base_ms": 70_000}),
                "retry_cap_ms: must not be less than retry_base_ms",
            ),
        ],
    );
    taken(
        &KIND,
        0,
        &[
            json!({"missed": "all", "catch_up_max": 100}),
            json!({"overlap": "queue"}),
            json!({"overlap": "allow", "overlap_max": 2}),
        ],
    );
}

#[test]
fn a_job_does_not_run_itself_and_names_what_it_runs() {
    refused(
        &KIND,
        0,
        &[(
            json!({"on_error_job": "heartbeat"}),
            "on_error_job: must be another job: this one would never end",
        )],
    );
    let spec = changed(&KIND, 1, &json!({"on_error_service": "ops.alert"})).unwrap();
    let places: Vec<_> = spec
        .references(&KIND)
        .into_iter()
        .map(|reference| format!("{} {} {}", reference.place, reference.kind, reference.name))
        .collect();
    assert_eq!(
        places,
        [
            "service service bascule.echo",
            "on_success_job job heartbeat",
            "on_error_service service ops.alert",
        ]
    );
}
