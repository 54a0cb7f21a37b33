//! Whose word is believed.

use super::*;

fn connect(fleet: &Fleet, name: &NodeName) -> SessionTicket {
    let at = Timestamp::from_unix_us(0);
    fleet.connect(name, &proto::Hello::default(), (Generation(0), at))
}

fn ack(generation: u64) -> proto::Ack {
    proto::Ack {
        generation,
        hash: vec![7; 32].into(),
        ..Default::default()
    }
}

fn running(fleet: &Fleet, name: &NodeName) -> u64 {
    fleet.node(name).unwrap().running.0
}

#[test]
fn a_replaced_session_speaks_for_nobody() {
    let (fleet, _reports) = Fleet::new();
    let name = NodeName::parse("n1").unwrap();
    let old = connect(&fleet, &name);
    fleet.sent(&name, old.id, Stamp::of(1, &[7; 32]));
    let new = connect(&fleet, &name);
    fleet.sent(&name, old.id, Stamp::of(2, &[7; 32]));
    for generation in [1, 2] {
        let refused = Err(ClaimError::Session);
        assert_eq!(fleet.acked(&name, old.id, &ack(generation)), refused);
        let refused = Err(ClaimError::NeverSent(Generation(generation)));
        assert_eq!(fleet.acked(&name, new.id, &ack(generation)), refused);
    }
    assert_eq!(running(&fleet, &name), 0);
    assert_eq!(fleet.counts().claims_refused, 4);
    fleet.sent(&name, new.id, Stamp::of(2, &[7; 32]));
    assert_eq!(fleet.acked(&name, new.id, &ack(2)), Ok(()));
    assert_eq!(running(&fleet, &name), 2);
}

#[test]
fn a_refusal_may_say_less_than_was_acknowledged_but_not_more() {
    let (fleet, _reports) = Fleet::new();
    let name = NodeName::parse("n1").unwrap();
    let session = connect(&fleet, &name).id;
    for generation in 1..=3 {
        fleet.sent(&name, session, Stamp::of(generation, &[7; 32]));
    }
    fleet.acked(&name, session, &ack(1)).unwrap();
    let nack = |generation, serving| proto::Nack {
        generation,
        serving,
        ..Default::default()
    };
    fleet.nacked(&name, session, nack(2, 2)).unwrap();
    assert_eq!(running(&fleet, &name), 1);
    fleet.nacked(&name, session, nack(3, 0)).unwrap();
    assert_eq!(running(&fleet, &name), 0);
    let refused = fleet.nacked(&name, session, nack(4, 4));
    assert_eq!(refused, Err(ClaimError::NeverSent(Generation(4))));
}
