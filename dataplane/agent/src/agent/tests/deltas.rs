//! Generations that come as deltas.

use super::fake::delta;
use super::*;

#[tokio::test]
async fn deltas_are_applied_to_what_came_before_and_acknowledged_with_the_hash() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    assert!(session.hello.takes_deltas);
    let (first, second) = (encoded(snapshot(1)), encoded(snapshot(2)));
    session.send(Control::Snapshot(hashed(snapshot(1)))).await;
    session.ack().await;
    session.send(delta(&first, &second)).await;
    let ack = session.ack().await;
    assert_eq!((ack.generation, &ack.hash), (2, second.hash()));
    assert_eq!(*rig.node.applied.borrow(), [1, 2]);

    // One that is refused is the base of the next all the same.
    let bad = encoded(proto::Snapshot {
        channels: vec![channel("crm", "no-slash")],
        ..snapshot(3)
    });
    session.send(delta(&second, &bad)).await;
    let nack = session.nack().await;
    assert_eq!((nack.generation, nack.serving), (3, 2));
    let fourth = encoded(snapshot(4));
    session.send(delta(&bad, &fourth)).await;
    assert_eq!(session.ack().await.hash, fourth.hash());
    assert_eq!(rig.status.read().resyncs, 0);
}

#[tokio::test]
async fn a_delta_that_does_not_fit_asks_for_the_whole_once() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    let all: Vec<_> = (1..=4).map(|g| encoded(snapshot(g))).collect();
    for base in 0..3 {
        session.send(delta(&all[base], &all[base + 1])).await;
    }
    let resync = session.resync().await;
    assert_eq!(resync.generation, 2);
    assert!(resync.reason.contains("no snapshot"), "{}", resync.reason);
    session.send(Control::Snapshot(hashed(snapshot(4)))).await;
    // The next word is the answer to the whole: nothing was asked for twice.
    assert_eq!(session.ack().await.generation, 4);
    assert_eq!(rig.status.read().resyncs, 1);

    let Control::Delta(mut wrong) = delta(&all[3], &encoded(snapshot(5))) else {
        panic!("a delta was made");
    };
    wrong.put.clear();
    wrong.put_at.clear();
    session.send(Control::Delta(wrong)).await;
    assert_eq!(session.resync().await.generation, 5);
    assert_eq!(rig.status.read().generation(), 4);
}

#[tokio::test]
async fn a_node_that_comes_back_takes_a_delta_to_what_its_hello_names() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    let first = encoded(snapshot(1));
    session.send(Control::Snapshot(hashed(snapshot(1)))).await;
    session.ack().await;
    drop(session);
    let session = control_plane.session().await;
    assert_eq!(session.hello.hash, first.hash());
    drop(session);
    let folder = rig.stop();

    let rig = Rig::start_in(folder, &control_plane.url, FakeNode::default());
    let mut session = loop {
        let session = control_plane.session().await;
        if session.hello.hash == first.hash() {
            break session;
        }
    };
    let ninth = encoded(snapshot(9));
    session.send(delta(&first, &ninth)).await;
    assert_eq!(session.ack().await.generation, 9);
    session.send(delta(&ninth, &ninth)).await;
    let again = session.ack().await;
    assert_eq!((again.generation, again.cores.len()), (9, 1));
    assert_eq!(*rig.node.applied.borrow(), [1, 9]);
}
