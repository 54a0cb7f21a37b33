//! Schedules: what the fields mean, calendars, jitter, and the properties of slots.

use chrono::{Datelike as _, Weekday};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;

fn fields(kind: &str) -> ScheduleFields {
    ScheduleFields {
        kind: kind.into(),
        ..ScheduleFields::default()
    }
}

fn interval(seconds: u64, start: &str) -> ScheduleFields {
    ScheduleFields {
        seconds,
        start: start.into(),
        ..fields("interval")
    }
}

fn cron(text: &str, zone: &str) -> ScheduleFields {
    ScheduleFields {
        cron: text.into(),
        zone: zone.into(),
        ..fields("cron")
    }
}

fn at(text: &str) -> Moment {
    let parsed = chrono::DateTime::parse_from_rfc3339(text).unwrap();
    Moment::from_unix_ms(parsed.timestamp_millis())
}

fn refused(fields: &ScheduleFields) -> String {
    Schedule::parse(fields)
        .expect_err("refused")
        .field
        .into_owned()
}

#[test]
fn a_one_time_job_fires_once() {
    let schedule = Schedule::parse(&ScheduleFields {
        start: "2026-03-29T02:30:00".into(),
        zone: "Europe/Berlin".into(),
        ..fields("one_time")
    })
    .unwrap();
    let slot = at("2026-03-29T01:00:00Z");
    assert_eq!(schedule.slot_after(slot.plus_ms(-1)), Some(slot));
    assert_eq!(schedule.slot_after(slot), None);
    assert_eq!(schedule.next_fires(at("2020-01-01T00:00:00Z"), 5), [slot]);
}

#[test]
fn an_interval_keeps_its_phase_and_its_count() {
    let mut fields = interval(1, "2026-01-01T01:00:10+01:00");
    fields.minutes = 1;
    fields.repeats = Some(3);
    let schedule = Schedule::parse(&fields).unwrap();
    let expected = [
        at("2026-01-01T00:01:11Z"),
        at("2026-01-01T00:02:12Z"),
        at("2026-01-01T00:03:13Z"),
    ];
    assert_eq!(schedule.next_fires(at("2026-01-01T00:00:10Z"), 9), expected);
}

#[test]
fn a_cron_job_does_not_fire_before_its_start() {
    let schedule = Schedule::parse(&ScheduleFields {
        start: "2026-06-01T00:00:00".into(),
        ..cron("@daily", "Europe/Berlin")
    })
    .unwrap();
    assert_eq!(
        schedule.next_fires(at("2026-01-01T00:00:00Z"), 2),
        [at("2026-05-31T22:00:00Z"), at("2026-06-01T22:00:00Z")]
    );
}

#[test]
fn what_does_not_belong_or_never_fires_is_refused() {
    assert_eq!(refused(&fields("")), "kind");
    assert_eq!(refused(&fields("one_time")), "start");
    assert_eq!(refused(&fields("interval")), "seconds");
    assert_eq!(refused(&interval(1, "")), "start");
    assert_eq!(refused(&cron("0 0 30 2 *", "")), "cron");
    assert_eq!(refused(&cron("@daily", "Europe/Nowhere")), "zone");
    for start in [
        "yesterday",
        "1969-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "2026-02-30T00:00:00",
        "9999999-01-01T00:00",
    ] {
        assert_eq!(refused(&interval(1, start)), "start", "{start}");
    }
    let start = "2026-01-01T00:00:00Z";
    let with = |change: fn(&mut ScheduleFields)| {
        let mut fields = interval(1, start);
        change(&mut fields);
        refused(&fields)
    };
    assert_eq!(with(|fields| fields.cron = "@daily".into()), "cron");
    assert_eq!(with(|fields| fields.repeats = Some(0)), "repeats");
    assert_eq!(with(|fields| fields.weeks = u64::MAX), "seconds");
    assert_eq!(with(|fields| fields.jitter_s = 86_401), "jitter_s");
    assert_eq!(
        with(|fields| fields.skip_dates = vec!["x".into()]),
        "skip_dates"
    );
    let mut weekly = interval(0, start);
    weekly.weeks = 1;
    weekly.skip_weekdays = vec!["thu".into()];
    assert_eq!(refused(&weekly), "start");
    let mut mondays = cron("0 9 * * mon", "");
    mondays.skip_weekdays = vec!["mon".into()];
    assert_eq!(refused(&mondays), "cron");
    let mut days = cron("@daily", "");
    days.days = 1;
    assert_eq!(refused(&days), "days");
}

#[test]
fn a_change_of_any_field_changes_the_fingerprint() {
    let print = |fields: &ScheduleFields| Schedule::parse(fields).unwrap().fingerprint();
    let base = interval(60, "2026-01-01T00:00:00Z");
    let changes: [fn(&mut ScheduleFields); 7] = [
        |fields| fields.seconds = 61,
        |fields| fields.start = "2026-01-01T00:00:01Z".into(),
        |fields| fields.repeats = Some(1),
        |fields| fields.zone = "Europe/Berlin".into(),
        |fields| fields.jitter_s = 1,
        |fields| fields.skip_dates = vec!["2026-01-01".into()],
        |fields| fields.skip_weekdays = vec!["mon".into()],
    ];
    for change in changes {
        let mut changed = base.clone();
        change(&mut changed);
        assert_ne!(print(&changed), print(&base), "{changed:?}");
    }
    assert_eq!(print(&base), print(&base.clone()));
}

#[test]
fn jitter_does_not_carry_a_fire_into_a_skipped_day() {
    let schedule = Schedule::parse(&ScheduleFields {
        jitter_s: 7_200,
        skip_weekdays: vec!["sun".into()],
        ..cron("59 23 * * *", "Europe/Berlin")
    })
    .unwrap();
    let slot = at("2026-01-03T22:59:00Z");
    assert_eq!(schedule.slot_after(slot.plus_ms(-1)), Some(slot));
    for n in 0..100 {
        let fire = schedule.fire_at(JobId(Uuid::from_u128(n)), slot);
        assert!(fire < at("2026-01-03T23:00:00Z"), "{fire}");
    }
}

#[test]
fn jitter_is_spread_over_its_bounds() {
    let mut fields = interval(3_600, "2026-01-01T00:00:00Z");
    fields.jitter_s = 60;
    let schedule = Schedule::parse(&fields).unwrap();
    let slot = at("2026-01-01T00:00:00Z");
    let late: Vec<i64> = (0..1_000)
        .map(|n| {
            schedule
                .fire_at(JobId(Uuid::from_u128(n)), slot)
                .ms_since(slot)
        })
        .collect();
    let mean = late.iter().sum::<i64>() / 1_000;
    assert!((27_000..33_000).contains(&mean), "{mean}");
    assert!(*late.iter().min().unwrap() < 1_000 && *late.iter().max().unwrap() > 59_000);
}

fn a_schedule() -> impl Strategy<Value = ScheduleFields> {
    let zones = vec![
        "",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "America/Santiago",
        "America/Sao_Paulo",
    ];
    let kinds = prop_oneof![
        (1_u64..200_000, 1_500_000_000_i64..2_000_000_000).prop_map(|(seconds, start)| {
            interval(
                seconds,
                &chrono::DateTime::from_timestamp(start, 0)
                    .unwrap()
                    .to_rfc3339(),
            )
        }),
        select(vec![
            "*/7 * * * *",
            "30 2 * * *",
            "0 */2 * * *",
            "@weekly",
            "*/40 * 0 * * *",
            "0 0 L * *"
        ])
        .prop_map(|text| cron(text, "")),
    ];
    let skipped = proptest::collection::vec(select(vec!["mon", "wed", "sat", "sun"]), 0..3);
    (kinds, select(zones), 0_u64..10_000, skipped).prop_map(|(fields, zone, jitter_s, skipped)| {
        ScheduleFields {
            zone: zone.into(),
            jitter_s,
            skip_weekdays: skipped.into_iter().map(Into::into).collect(),
            ..fields
        }
    })
}

proptest! {
    #[test]
    fn slots_grow_and_avoid_skipped_days(
        fields in a_schedule(),
        now in 1_400_000_000_000_i64..2_000_000_000_000,
        job in any::<u128>(),
    ) {
        let Ok(schedule) = Schedule::parse(&fields) else { return Ok(()) };
        let job = JobId(Uuid::from_u128(job));
        let zone = Zone::parse(&fields.zone).unwrap();
        let skipped: Vec<Weekday> =
            fields.skip_weekdays.iter().map(|day| day.parse().unwrap()).collect();
        let mut last = Moment::from_unix_ms(now);
        let mut last_fire = last;
        for slot in schedule.next_fires(last, 20) {
            prop_assert!(slot > last);
            let fire = schedule.fire_at(job, slot);
            prop_assert!(fire >= slot && fire > last_fire);
            prop_assert!(fire.ms_since(slot) <= i64::try_from(fields.jitter_s * 1_000).unwrap());
            prop_assert_eq!(fire, schedule.fire_at(job, slot));
            for at in [slot, fire] {
                prop_assert!(!skipped.contains(&zone.local(at.unix_s()).weekday()), "{}", at);
            }
            (last, last_fire) = (slot, fire);
        }
    }

    #[test]
    fn an_interval_fires_as_often_as_the_time_allows(
        period in 1_u64..100_000,
        start in 1_600_000_000_i64..1_700_000_000,
        repeats in proptest::option::of(1_u64..50),
        seconds in 0_i64..1_000_000,
    ) {
        let mut fields = interval(period, &chrono::DateTime::from_timestamp(start, 0).unwrap().to_rfc3339());
        fields.repeats = repeats;
        let schedule = Schedule::parse(&fields).unwrap();
        let end = Moment::from_unix_s(start + seconds);
        let before = Moment::from_unix_s(start - 1);
        let count = schedule.next_fires(before, 1_000).iter().filter(|slot| **slot <= end).count();
        let all = seconds.unsigned_abs() / period + 1;
        let expected = all.min(repeats.unwrap_or(u64::MAX)).min(1_000);
        prop_assert_eq!(u64::try_from(count).unwrap(), expected);
    }

    #[test]
    fn parsing_never_panics(
        kind in select(vec!["one_time", "interval", "cron", "x"]),
        texts in proptest::array::uniform4("\\PC{0,24}"),
        numbers in proptest::array::uniform4(any::<u64>()),
        start in "[0-9]{0,6}-?[0-9]{0,3}-[0-9]{0,2}[T ][0-9:]{0,8}(Z|[+-][0-9:]{0,5})?",
    ) {
        let [cron, zone, date, day] = texts;
        let [weeks, seconds, repeats, jitter_s] = numbers;
        for (start, cron) in [(start.clone(), String::new()), (cron.clone(), cron)] {
            Schedule::parse(&ScheduleFields {
                kind: kind.into(),
                start,
                weeks,
                seconds,
                repeats: Some(repeats),
                cron,
                zone: zone.clone(),
                jitter_s,
                skip_dates: vec![date.clone()],
                skip_weekdays: vec![day.clone()],
                ..ScheduleFields::default()
            })
            .ok();
        }
    }

    #[test]
    fn any_moment_may_be_asked_for(fields in a_schedule(), ms in any::<i64>()) {
        if let Ok(schedule) = Schedule::parse(&fields) {
            let now = Moment::from_unix_ms(ms);
            if let Some(slot) = schedule.slot_after(now) {
                prop_assert!(slot > now);
            }
        }
    }
}
