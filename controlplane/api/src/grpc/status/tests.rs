//! Each error of the use cases, as both faces tell it.

use cp_app::{AppError, InvokeError, OdbError};
use cp_auth::{Action, Actor, Forbidden};
use cp_model::{FileName, Generation, Invalid, NodeName, ServiceName, Version};
use serde_json::json;

use super::*;

/// `told`: the status of REST, the code and the reason of gRPC.
#[track_caller]
fn check(error: impl Into<AppError>, told: &str) {
    let problem = Problem::from(error.into());
    let http = problem.status.as_u16();
    let status = Status::from(problem);
    let info = status.get_details_error_info().unwrap();
    let all = format!("{http} {:?} {}", status.code(), info.reason);
    assert_eq!((&*all, &*info.domain), (told, "bascule"));
}

#[test]
fn each_error_of_a_use_case_has_its_code_and_reason() {
    let node = || NodeName::parse("n1").unwrap();
    let forbidden = Forbidden {
        actor: Actor::Node,
        action: Action::Read,
    };
    check(forbidden, "403 PermissionDenied FORBIDDEN");
    check(Invalid::new("path", "x"), "400 InvalidArgument INVALID");
    let absent = AppError::NotFound {
        kind: "service",
        name: "a".into(),
    };
    check(absent, "404 NotFound NOT_FOUND");
    let connected = AppError::NodeConnected("n1".into());
    check(connected, "409 FailedPrecondition NODE_CONNECTED");
    check(InvokeError::NoNode, "503 Unavailable NO_NODE");
    check(InvokeError::Busy(node()), "503 Unavailable NODE_BUSY");
    check(InvokeError::Gone(node()), "502 Unknown NODE_GONE");
    check(
        InvokeError::TimedOut(node()),
        "504 DeadlineExceeded NODE_SILENT",
    );
}

#[test]
fn each_error_of_the_odb_has_its_code_and_reason() {
    let kind = "channel";
    let name = || "a".to_owned();
    check(
        OdbError::NotFound { kind, name: name() },
        "404 NotFound NOT_FOUND",
    );
    check(
        OdbError::Exists { kind, name: name() },
        "409 AlreadyExists EXISTS",
    );
    check(stale(), "412 Aborted STALE");
    let taken = OdbError::Taken {
        kind,
        other: name(),
        field: "path",
        claim: "takes".into(),
    };
    check(taken, "409 AlreadyExists TAKEN");
    check(unknown(), "422 FailedPrecondition REFERENCE_UNKNOWN");
    let service_taken = OdbError::ServiceTaken {
        service: ServiceName::parse("s").unwrap(),
        file: FileName::parse("a.py").unwrap(),
    };
    check(service_taken, "409 AlreadyExists SERVICE_TAKEN");
    check(used(), "409 FailedPrecondition IN_USE");
    let not_kept = OdbError::NotKept {
        generation: Generation(1),
        oldest: Generation(2),
    };
    check(not_kept, "410 OutOfRange NOT_KEPT");
    check(OdbError::KeyReused, "422 InvalidArgument KEY_REUSED");
    let state = OdbError::PackageState {
        id: "0".into(),
        state: "retired",
    };
    check(state, "409 FailedPrecondition PACKAGE_STATE");
    check(OdbError::Corrupt("x".into()), "500 Internal INTERNAL");
}

fn stale() -> OdbError {
    OdbError::Stale {
        kind: "channel",
        name: "a".into(),
        current: Version(7),
    }
}

fn unknown() -> OdbError {
    OdbError::ReferenceUnknown {
        place: "groups/0".into(),
        kind: "group",
        name: "g".into(),
    }
}

fn used() -> OdbError {
    OdbError::InUse {
        kind: "service",
        name: "s".into(),
        users: vec!["channel a".into(), "channel b".into()],
    }
}

#[test]
fn fields_users_etag_and_retry_travel_as_details() {
    let of = |error: AppError| Status::from(Problem::from(error)).get_error_details();
    let details = of(unknown().into());
    let violations = &details.bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "groups[0]");
    let details = of(used().into());
    let users = &details.precondition_failure().unwrap().violations;
    assert_eq!((users.len(), &*users[1].subject), (2, "channel b"));
    let details = of(stale().into());
    assert_eq!(details.error_info().unwrap().metadata["etag"], "\"7\"");
    let details = of(InvokeError::NoNode.into());
    let delay = details.retry_info().unwrap().retry_delay;
    assert_eq!(delay, Some(Duration::from_secs(1)));
}

#[test]
fn whatever_went_wrong_fits_into_the_trailers() {
    let long = "ü".repeat(100_000);
    let mut problem = Problem::new(StatusCode::CONFLICT, "in-use", long.clone())
        .with("users", json!(vec![long.clone(); 100]))
        .with("traceback", format!("{long} the end").into());
    for _ in 0..1_000 {
        problem = problem.with_error(&format!("/{long}"), long.clone());
        problem = problem.with_error("/a", "b");
    }
    let http = Status::from(problem).into_http::<tonic::body::Body>();
    let bytes: usize = http
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 32)
        .sum();
    assert!(bytes < 8 * 1024, "{bytes}");
    let status = Status::from_header_map(http.headers()).unwrap();
    assert!(
        status
            .get_details_debug_info()
            .unwrap()
            .detail
            .ends_with("the end")
    );
}

#[test]
fn pointers_become_paths_of_fields() {
    for (pointer, field) in [
        ("/name", "name"),
        ("/spec/endpoints/0/address", "spec.endpoints[0].address"),
        ("/changes/3/spec/path", "changes[3].spec.path"),
        ("line 12", "line 12"),
        ("page_size", "page_size"),
        ("", ""),
    ] {
        assert_eq!(field_of(pointer), field);
    }
}
