//! What the node says when a core stands still.

use std::sync::atomic::{AtomicBool, Ordering};

use dp_proxy::CoreCommand;

use super::*;

/// Takes every order; confirms only while `confirms` holds.
async fn play(core: u32, commands: flume::Receiver<CoreCommand>, confirms: Arc<AtomicBool>) {
    // A core that stands still holds what it was asked.
    let mut unanswered = Vec::new();
    while let Ok(command) = commands.recv_async().await {
        match command {
            CoreCommand::Prepare { reply, .. } => {
                let prepare_us = 5;
                reply.send(Ok(Prepared { core, prepare_us })).unwrap();
            }
            CoreCommand::Commit { reply, .. } if confirms.load(Ordering::SeqCst) => {
                reply.send(Some(Committed { core, commit_us: 7 })).unwrap();
            }
            CoreCommand::Commit { reply, .. } => unanswered.push(reply),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_core_that_does_not_confirm_is_named_and_only_its_own_word_is_believed() {
    let (cores, played) = Cores::played(2);
    let confirms = [true, false].map(|confirms| Arc::new(AtomicBool::new(confirms)));
    for ((core, commands), confirms) in (0..).zip(played).zip(&confirms) {
        tokio::spawn(play(core, commands, Arc::clone(confirms)));
    }
    let workers = Workers::Missing {
        reason: "not needed".to_owned(),
    };
    let mut bound = Bound::default();
    let mut serve = async || {
        let snapshot = Arc::new(Snapshot::initial().unwrap());
        apply(&mut bound, &workers, &cores, snapshot, Vec::new()).await
    };

    let Err(NotApplied::Unconfirmed(Refusals(silent))) = serve().await else {
        panic!("acknowledged without core 1");
    };
    let silent: Vec<_> = silent.iter().map(|it| (it.field, it.core)).collect();
    assert_eq!(silent, [("core", Some(1))]);

    confirms[1].store(true, Ordering::SeqCst);
    let applied = serve().await.unwrap();
    let times = applied.cores.iter();
    let times: Vec<_> = times
        .map(|it| (it.core, it.prepare_us, it.commit_us))
        .collect();
    assert_eq!(times, [(0, 5, 7), (1, 5, 7)]);
}
