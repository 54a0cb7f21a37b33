//! The lease, and what is written under it.

use super::*;

each_engine!(
    one_of_ten_takes_the_lease_and_fences_grow,
    what_an_old_leader_writes_changes_nothing,
    a_batch_that_comes_twice_leaves_the_same_rows,
);

async fn one_of_ten_takes_the_lease_and_fences_grow(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    let mut seen = None;
    for expected in 1..=3 {
        let mut fences = Vec::new();
        for number in 0..10 {
            let holder = format!("p{number}");
            let by = origin();
            let taken = odb.lease_take(&by, (SCHEDULER, &holder), seen.as_ref());
            fences.extend(taken.await.unwrap());
        }
        assert_eq!(fences, [expected], "one, whoever was first");
        seen = odb.lease_find(SCHEDULER).await.unwrap();
    }
    let seen = seen.unwrap();
    assert!(odb.lease_renew(&origin(), SCHEDULER, 3).await.unwrap());
    assert!(!odb.lease_renew(&origin(), SCHEDULER, 2).await.unwrap());
    let by = origin();
    let late = odb.lease_take(&by, (SCHEDULER, "late"), Some(&seen));
    assert_eq!(late.await.unwrap(), None, "the holder lives");
    odb.lease_release(&origin(), SCHEDULER, 3).await.unwrap();
    let free = odb.lease_find(SCHEDULER).await.unwrap().unwrap();
    assert_eq!((free.holder.as_str(), free.fence), ("", 3));
}

async fn what_an_old_leader_writes_changes_nothing(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    odb.lease_take(&origin(), (SCHEDULER, "old"), None)
        .await
        .unwrap();
    let seen = odb.lease_find(SCHEDULER).await.unwrap();
    odb.lease_take(&origin(), (SCHEDULER, "new"), seen.as_ref())
        .await
        .unwrap();
    let batch = batch(1);
    let old = odb.job_commit(&origin(), 1, &batch).await;
    assert!(matches!(old, Err(OdbError::Fenced)), "{old:?}");
    let job = batch.records[0].job;
    assert!(odb.job_records(job, u64::MAX, 10).await.unwrap().is_empty());
    odb.job_commit(&origin(), 2, &batch).await.unwrap();
    assert_eq!(odb.job_records(job, u64::MAX, 10).await.unwrap().len(), 1);
}

async fn a_batch_that_comes_twice_leaves_the_same_rows(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    odb.lease_take(&origin(), (SCHEDULER, "a"), None)
        .await
        .unwrap();
    let job = batch(1).records[0].job;
    let ask = json!("pause");
    let id = odb.job_command(&origin(), (job, "j"), &ask).await.unwrap();
    assert_eq!(odb.job_commands().await.unwrap()[0].ask, ask);
    for _ in 0..2 {
        let mut batch = batch(1);
        batch.commands_done.push(id);
        odb.job_commit(&origin(), 1, &batch).await.unwrap();
    }
    assert!(odb.job_commands().await.unwrap().is_empty());
    assert_eq!(
        odb.job_records(job, u64::MAX, 10).await.unwrap(),
        batch(1).records
    );
    assert!(
        odb.job_states().await.unwrap().is_empty(),
        "there is no such job"
    );
    // The oldest records make room.
    odb.job_commit(&origin(), 1, &batch(1_001)).await.unwrap();
    let kept = odb.job_records(job, u64::MAX, 10).await.unwrap();
    assert_eq!(
        kept.iter().map(|record| record.number).collect::<Vec<_>>(),
        [1_001]
    );
}

fn batch(number: u64) -> JobBatch {
    let job = "00000000-0000-7000-8000-000000000007".parse().unwrap();
    JobBatch {
        states: vec![(job, json!({"fired": number}))],
        records: vec![JobRecord {
            job,
            number,
            at_us: 5,
            record: json!({"outcome": "fired"}),
        }],
        commands_done: Vec::new(),
    }
}
