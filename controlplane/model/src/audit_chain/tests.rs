//! The hash is the described one, and every change of a chain is found.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Generation, Timestamp};

fn event() -> AuditEvent {
    AuditEvent {
        id: 7,
        at: Timestamp::from_unix_us(1_767_225_600_000_042),
        who: "ana".into(),
        why: "ticket 7".into(),
        action: "channel.update".into(),
        object: "channel crm".into(),
        generation: Some(Generation(12)),
        before: Some(json!({"b": [null, true, false, -1, 0.1, "ü"], "a": {}})),
        after: None,
    }
}

fn chained(events: Vec<AuditEvent>) -> Vec<(AuditEvent, ChainHash)> {
    let mut head = ChainHash::START;
    let link = |event: AuditEvent| {
        head = head.link(&event);
        (event, head)
    };
    events.into_iter().map(link).collect()
}

/// The value is what a program in another language computed from the description above.
#[test]
fn the_hash_of_a_known_event_is_known() {
    let expected = "25477d3788473ae5599cea56473090cc9993371a85f4207162092a168565c5dc";
    assert_eq!(ChainHash::START.link(&event()).to_string(), expected);
}

#[test]
fn a_hash_is_parsed_back() {
    let hash = ChainHash::START.link(&event());
    assert_eq!(ChainHash::parse(&hash.to_string()), Ok(hash));
    for bad in ["", "00", &hash.to_string().to_uppercase()] {
        assert!(ChainHash::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_empty_chain_has_its_anchor_as_head() {
    let anchor = ChainHash::START.link(&event());
    let verified = verify::<AuditEvent>(anchor, []).unwrap();
    assert_eq!((verified.head, verified.events), (anchor, 0));
}

#[test]
fn texts_do_not_run_into_each_other() {
    let with = |who: &str, action: &str| AuditEvent {
        who: who.into(),
        action: action.into(),
        ..event()
    };
    let hash = |event| ChainHash::START.link(&event);
    assert_ne!(hash(with("an", "achannel")), hash(with("ana", "channel")));
    let of = |before: Value| {
        hash(AuditEvent {
            before: Some(before),
            ..event()
        })
    };
    // Nothing, null, and texts that look like other values.
    let values = [
        json!(null),
        json!("null"),
        json!(1),
        json!("1"),
        json!(1.0),
        json!([]),
        json!({}),
        json!([[]]),
        json!([1, 2]),
        json!([[1], 2]),
        json!({"a": "b"}),
        json!(["a", "b"]),
    ];
    let mut hashes: Vec<String> = values
        .into_iter()
        .map(|value| of(value).to_string())
        .collect();
    hashes.push(
        hash(AuditEvent {
            before: None,
            ..event()
        })
        .to_string(),
    );
    let moved = AuditEvent {
        before: None,
        after: Some(json!(null)),
        ..event()
    };
    hashes.push(hash(moved).to_string());
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_event() -> impl Strategy<Value = AuditEvent> {
    (
        (any::<u64>(), any::<i64>(), prop::option::of(any::<u64>())),
        (".{0,8}", ".{0,8}", ".{0,8}", ".{0,8}"),
        prop::option::of(any_value()),
        prop::option::of(any_value()),
    )
        .prop_map(
            |((id, at, generation), (who, why, action, object), before, after)| AuditEvent {
                id,
                at: Timestamp::from_unix_us(at),
                who,
                why,
                action,
                object,
                generation: generation.map(Generation),
                before,
                after,
            },
        )
}

/// Another event, of which one field is from `from`.
fn with_field(event: &AuditEvent, from: &AuditEvent, field: usize) -> AuditEvent {
    let mut changed = event.clone();
    match field {
        0 => changed.id = from.id,
        1 => changed.at = from.at,
        2 => changed.who.clone_from(&from.who),
        3 => changed.action.clone_from(&from.action),
        4 => changed.object.clone_from(&from.object),
        5 => changed.generation = from.generation,
        6 => changed.before.clone_from(&from.before),
        7 => changed.why.clone_from(&from.why),
        _ => changed.after.clone_from(&from.after),
    }
    changed
}

proptest! {
    #[test]
    fn a_chain_is_whole_until_a_field_changes(
        events in prop::collection::vec(any_event(), 1..8),
        other in any_event(), field in 0_usize..9, at in any::<prop::sample::Index>(),
    ) {
        let mut chain = chained(events);
        let verified = verify(ChainHash::START, chain.clone()).unwrap();
        prop_assert_eq!((verified.events, verified.head), (chain.len() as u64, chain.last().unwrap().1));

        let at = at.index(chain.len());
        let changed = with_field(&chain[at].0, &other, field);
        if changed != chain[at].0 {
            let id = changed.id;
            chain[at].0 = changed;
            let broken = verify(ChainHash::START, chain).unwrap_err();
            prop_assert_eq!(broken, Broken { id, position: at as u64 });
        }
    }

    #[test]
    fn a_swap_is_found_at_the_first_of_the_two(
        events in prop::collection::vec(any_event(), 2..8),
        one in any::<prop::sample::Index>(), two in any::<prop::sample::Index>(),
    ) {
        let mut chain = chained(events);
        let (one, two) = (one.index(chain.len()), two.index(chain.len()));
        let (first, second) = (one.min(two), one.max(two));
        if chain[first].0 != chain[second].0 {
            chain.swap(first, second);
            let broken = verify(ChainHash::START, chain).unwrap_err();
            prop_assert_eq!(broken.position, first as u64);
        }
    }

    #[test]
    fn a_deletion_is_found_at_what_follows(
        events in prop::collection::vec(any_event(), 2..8), at in any::<prop::sample::Index>(),
    ) {
        let mut chain = chained(events);
        let head = chain.last().unwrap().1;
        let at = at.index(chain.len());
        chain.remove(at);
        match verify(ChainHash::START, chain.clone()) {
            Err(broken) => prop_assert_eq!(broken.position, at as u64),
            // The end was cut off, which a head that was kept tells.
            Ok(verified) => {
                prop_assert_eq!(at, chain.len());
                prop_assert_ne!(verified.head, head);
            }
        }
    }

    #[test]
    fn an_insertion_is_found(
        events in prop::collection::vec(any_event(), 1..8),
        other in any_event(), at in any::<prop::sample::Index>(),
    ) {
        let mut chain = chained(events);
        let at = at.index(chain.len());
        // With the best hash that it can have.
        let before = at.checked_sub(1).map_or(ChainHash::START, |before| chain[before].1);
        chain.insert(at, (other.clone(), before.link(&other)));
        let broken = verify(ChainHash::START, chain).unwrap_err();
        prop_assert_eq!(broken.position, at as u64 + 1);
    }

    #[test]
    fn the_rest_is_whole_from_an_anchor(events in prop::collection::vec(any_event(), 2..8)) {
        let mut chain = chained(events);
        let (_, anchor) = chain.remove(0);
        prop_assert!(verify(anchor, chain.clone()).is_ok());
        prop_assert!(verify(ChainHash::START, chain).is_err());
    }

    #[test]
    fn what_was_stored_as_text_has_the_same_hash(event in any_event()) {
        let stored = |value: &Option<Value>| {
            value.as_ref().map(|value| serde_json::from_str(&value.to_string()).unwrap())
        };
        let read = AuditEvent { before: stored(&event.before), after: stored(&event.after), ..event.clone() };
        prop_assert_eq!(ChainHash::START.link(&read), ChainHash::START.link(&event));
    }
}
