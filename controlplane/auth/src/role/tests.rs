//! The table as it stands, and the properties that it must keep.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn scoped(role: Role, prefixes: &[&str]) -> Subject {
    Subject {
        role,
        scope: Scope::parse(prefixes.iter().copied()).unwrap(),
    }
}

fn any_role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn any_action() -> impl Strategy<Value = Action> {
    prop::sample::select(Action::ALL.to_vec())
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

/// Of few letters, so that names and prefixes meet often.
fn any_name() -> impl Strategy<Value = String> {
    "[ab][ab.]{0,5}"
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let prefixes = prop::collection::vec("[ab]([ab.]{0,2})\\.", 1..4);
    let some =
        prefixes.prop_map(|prefixes| Scope::parse(prefixes.iter().map(String::as_str)).unwrap());
    prop_oneof![1 => Just(Scope::Whole), 4 => some]
}

fn any_subject() -> impl Strategy<Value = Subject> {
    (any_role(), any_scope()).prop_map(|(role, scope)| Subject { role, scope })
}

proptest! {
    #[test]
    fn a_greater_role_may_do_all_that_a_lesser_one_may(
        lesser in any_role(), greater in any_role(), scope in any_scope(),
        action in any_action(), kind in any_kind(), name in any_name(),
    ) {
        prop_assume!(lesser <= greater);
        let of = |role| Subject { role, scope: scope.clone() };
        if authorize(&of(lesser), action, kind, &name).is_ok() {
            prop_assert!(authorize(&of(greater), action, kind, &name).is_ok());
        }
    }

    #[test]
    fn a_scope_never_reaches_outside_its_prefixes(
        subject in any_subject(), action in any_action(), kind in any_kind(), name in any_name(),
    ) {
        let Some(prefixes) = subject.scope.prefixes() else { return Ok(()) };
        if authorize(&subject, action, kind, &name).is_ok() {
            let is_inside = prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
            let is_look_at_shared = kind.reach() == Reach::Shared && !action.is_write();
            prop_assert!((kind.reach() == Reach::Named && is_inside) || is_look_at_shared);
        }
    }

    #[test]
    fn a_scope_only_takes_away(
        subject in any_subject(), action in any_action(), kind in any_kind(), name in any_name(),
    ) {
        if authorize(&subject, action, kind, &name).is_ok() {
            prop_assert!(authorize(&Subject::whole(subject.role), action, kind, &name).is_ok());
        }
    }

    #[test]
    fn narrowed_is_what_both_may(
        one in any_subject(), other in any_subject(),
        action in any_action(), kind in any_kind(), name in any_name(),
    ) {
        let may = |subject: &Subject| authorize(subject, action, kind, &name).is_ok();
        let both = one.narrowed_by(&other);
        prop_assert_eq!(may(&both), may(&one) && may(&other));
        prop_assert!(one.covers(&both) && other.covers(&both));
    }

    #[test]
    fn what_is_covered_may_do_no_more_and_what_is_not_would(
        one in any_subject(), other in any_subject(),
        action in any_action(), kind in any_kind(), name in any_name(),
    ) {
        let may = |subject: &Subject, name: &str| authorize(subject, action, kind, name).is_ok();
        if one.covers(&other) && may(&other, &name) {
            prop_assert!(may(&one, &name));
        }
        // A name at the edge of each prefix tells whether it lies within.
        let edges: Vec<String> = match other.scope.prefixes() {
            Some(prefixes) => prefixes.iter().map(|prefix| format!("{prefix}x")).collect(),
            None => vec!["x".to_owned()],
        };
        let is_within = edges.iter().all(|edge| one.scope.holds(edge));
        prop_assert_eq!(one.covers(&other), other.role <= one.role && is_within);
    }

    #[test]
    fn a_prefix_is_never_empty_and_ends_with_a_separator(text in "\\PC{0,12}") {
        if let Ok(prefix) = NamePrefix::parse(&text) {
            prop_assert_eq!(prefix.as_str(), &text);
            prop_assert!(text.len() > 1 && text.is_ascii());
            prop_assert!(text.ends_with(['.', '-', '_']));
        }
    }
}

/// One line for each role and action, so that a change of the table is seen for what it is.
#[test]
fn the_table_says() {
    let mut text = String::new();
    for action in Action::ALL {
        for role in Role::ALL {
            let kinds: Vec<&str> = Kind::ALL
                .into_iter()
                .filter(|kind| least_role(action, *kind) == Some(role))
                .map(Kind::name)
                .collect();
            if !kinds.is_empty() {
                writeln!(text, "{action} {role}: {}", kinds.join(" ")).unwrap();
            }
        }
    }
    assert_eq!(
        text,
        "\
read viewer: channel service package job topic subscription outgoing backend security listener node cluster generation
read operator: setting secret
read admin: user token
change developer: channel service job topic subscription
change operator: outgoing backend security listener node cluster
deploy developer: service package
invoke developer: channel service topic
invoke operator: outgoing
operate operator: service job topic subscription backend node cluster generation
administer admin: node cluster setting secret user token
read_audit operator: audit
"
    );
}

#[test]
fn forbidden_says_what_is_missing_and_nothing_else() {
    let developer = scoped(Role::Developer, &["crm."]);
    let refused = |action, kind, name| authorize(&developer, action, kind, name).unwrap_err();
    assert_eq!(
        refused(Action::Operate, Kind::Job, "crm.nightly").to_string(),
        "operate of job: needs the role operator"
    );
    assert_eq!(
        refused(Action::Change, Kind::Channel, "erp.orders").to_string(),
        "change of channel: the name starts with none of your prefixes"
    );
    assert_eq!(
        refused(Action::Deploy, Kind::User, "ana").missing,
        Missing::Possibility
    );
    let operator = scoped(Role::Operator, &["crm."]);
    for (action, kind) in [
        (Action::Operate, Kind::Node),
        (Action::Operate, Kind::Generation),
        (Action::Read, Kind::Generation),
        (Action::ReadAudit, Kind::Audit),
    ] {
        let error = authorize(&operator, action, kind, "crm.x").unwrap_err();
        assert_eq!(error.missing, Missing::WholeCluster, "{action} {kind}");
    }
    assert_eq!(authorize(&operator, Action::Read, Kind::Node, "n1"), Ok(()));
}

#[test]
fn a_scoped_admin_makes_no_users() {
    let admin = scoped(Role::Admin, &["crm."]);
    for kind in Kind::ALL {
        assert!(authorize(&admin, Action::Administer, kind, "crm.x").is_err());
    }
    assert!(!admin.covers(&Subject::whole(Role::Viewer)));
    assert!(admin.covers(&scoped(Role::Admin, &["crm.eu."])));
}

#[test]
fn a_prefix_reaches_no_sister_and_no_nothing() {
    let scope = Scope::parse(["crm."]).unwrap();
    assert!(scope.holds("crm.orders"));
    for outside in ["crm", "crmx.orders", "CRM.orders", "x.crm.orders", ""] {
        assert!(!scope.holds(outside), "{outside}");
    }
    assert!(!Scope::Prefixes(Vec::new()).holds("crm.orders"));
    for bad in ["", ".", "crm", "crm/", "-crm.", "crm .", "é."] {
        assert!(NamePrefix::parse(bad).is_err(), "{bad}");
    }
    assert!(Scope::parse([]).is_err());
    let many: Vec<String> = (0..=PREFIXES_MAX).map(|n| format!("a{n}.")).collect();
    assert!(Scope::parse(many.iter().map(String::as_str)).is_err());
}

#[test]
fn a_list_is_by_role_and_its_rows_by_name() {
    let viewer = scoped(Role::Viewer, &["crm."]);
    assert_eq!(authorize_list(&viewer, Kind::Channel), Ok(()));
    assert!(authorize_list(&viewer, Kind::User).is_err());
    assert!(authorize_list(&viewer, Kind::Generation).is_err());
    assert!(authorize(&viewer, Action::Read, Kind::Channel, "erp.x").is_err());
}

#[test]
fn names_are_parsed_back() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.name()), Ok(role));
    }
    for bad in ["", "Admin", "root"] {
        assert!(Role::parse(bad).is_err());
    }
}
