//! What the scheduler keeps: states, records and commands of jobs. Jobs themselves are objects.
//!
//! Owns rows only; what a state, a record and a command say is the scheduler's business and JSON here.
//! Invariant: everything is written under the leader's fence but commands, which anybody may give.

use cp_model::{Object, Origin};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::{Row, sql};
use crate::lease::check_fence;
use crate::object;
use crate::row::{json as json_of, number, text, to_sql, uuid};
use crate::write::{Event, Write, version_to_sql};
use crate::{Odb, OdbError};

/// The scheduler's lease.
pub const SCHEDULER: &str = "scheduler";
/// Of each job; the newest are what people look at, counters hold the sums.
const RECORDS_KEPT: u64 = 1_000;

/// What one turn of the leader changed.
#[derive(Debug, Clone, Default)]
pub struct JobBatch {
    pub states: Vec<(Uuid, Value)>,
    pub records: Vec<JobRecord>,
    /// Ids of commands.
    pub commands_done: Vec<u64>,
}

/// What became of one fire.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    pub job: Uuid,
    /// From 1 on.
    pub number: u64,
    /// Microseconds since 1970.
    pub at_us: i64,
    pub record: Value,
}

/// What a person asked of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobCommand {
    /// Grows; also the number of its audit event.
    pub id: u64,
    pub job: Uuid,
    pub at_us: i64,
    pub ask: Value,
}

/// What a scheduler has to read anew.
#[derive(Debug, Clone)]
pub struct JobChanges {
    /// Number of the newest audit event.
    pub revision: u64,
    pub changed: Vec<Object>,
    /// Id and name of every job.
    pub all: Vec<(Uuid, String)>,
    pub commands: Vec<JobCommand>,
}

// === impl Odb ===

impl Odb {
    /// Jobs that changed after the audit event `since`, all names, and what is asked of jobs; one state.
    pub async fn job_changes(&self, since: u64) -> Result<JobChanges, OdbError> {
        let mut tx = self.pools.read.begin_read().await?;
        let revision: i64 = sql("SELECT COALESCE(MAX(id), 0) FROM audit")
            .scalar(&mut tx)
            .await?;
        let changed = sql("SELECT * FROM object WHERE kind = 'job' AND version > ? ORDER BY name")
            .bind(to_sql(since))
            .fetch_all(&mut tx)
            .await?;
        let all = sql("SELECT id, name FROM object WHERE kind = 'job'")
            .fetch_all(&mut tx)
            .await?;
        let commands = sql("SELECT * FROM job_command ORDER BY id")
            .fetch_all(&mut tx)
            .await?;
        tx.commit().await?;
        let name = |row: &Row| Ok::<_, OdbError>((uuid(row, "id")?, text(row, "name")?));
        Ok(JobChanges {
            revision: crate::row::from_sql(revision),
            changed: changed
                .iter()
                .map(object::parse)
                .collect::<Result<_, _>>()?,
            all: all.iter().map(name).collect::<Result<_, _>>()?,
            commands: commands.iter().map(command).collect::<Result<_, _>>()?,
        })
    }

    pub async fn job_states(&self) -> Result<Vec<(Uuid, Value)>, OdbError> {
        let rows = sql("SELECT job_id, state FROM job_state")
            .fetch_all(&self.pools.read)
            .await?;
        let parse = |row: &Row| Ok((uuid(row, "job_id")?, json_of(row, "state")?));
        rows.iter().map(parse).collect()
    }

    pub async fn job_state(&self, job: Uuid) -> Result<Option<Value>, OdbError> {
        let row = sql("SELECT state FROM job_state WHERE job_id = ?")
            .bind(job.to_string())
            .fetch_optional(&self.pools.read)
            .await?;
        row.as_ref().map(|row| json_of(row, "state")).transpose()
    }

    /// In the order in which they were given.
    pub async fn job_commands(&self) -> Result<Vec<JobCommand>, OdbError> {
        let rows = sql("SELECT * FROM job_command ORDER BY id")
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(command).collect()
    }

    /// Newest first, those before `before`, at most `limit`.
    pub async fn job_records(
        &self,
        job: Uuid,
        before: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, OdbError> {
        let rows = sql("SELECT * FROM job_record WHERE job_id = ? AND number < ?
                        ORDER BY number DESC LIMIT ?")
        .bind(job.to_string())
        .bind(to_sql(before))
        .bind(i64::from(limit))
        .fetch_all(&self.pools.read)
        .await?;
        let parse = |row: &Row| {
            Ok(JobRecord {
                job,
                number: number(row, "number")?,
                at_us: row.try_get("at")?,
                record: json_of(row, "record")?,
            })
        };
        rows.iter().map(parse).collect()
    }

    /// Keeps a command until the leader has done it, with its audit event; the event's number.
    pub async fn job_command(
        &self,
        origin: &Origin,
        (job, name): (Uuid, &str),
        ask: &Value,
    ) -> Result<u64, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let id = write.version().await?;
        sql("INSERT INTO job_command (id, job_id, at, ask) VALUES (?, ?, ?, ?)")
            .bind(version_to_sql(id))
            .bind(job.to_string())
            .bind(write.at())
            .bind(ask.to_string())
            .execute(&mut write.tx)
            .await?;
        let event = Event {
            action: "job.command".to_owned(),
            object: format!("job {name}"),
            before: None,
            after: Some(json!({ "ask": ask })),
        };
        write.record(event).await?;
        Ok(id.0)
    }

    /// Writes what one turn changed, whole or not at all; the same batch twice leaves the same rows.
    pub async fn job_commit(
        &self,
        origin: &Origin,
        fence: u64,
        batch: &JobBatch,
    ) -> Result<(), OdbError> {
        let mut write = Write::begin(self, origin).await?;
        check_fence(&mut write.tx, SCHEDULER, fence).await?;
        for (job, state) in &batch.states {
            state_put(&mut write, *job, state).await?;
        }
        for record in &batch.records {
            record_put(&mut write, record).await?;
        }
        for id in &batch.commands_done {
            sql("DELETE FROM job_command WHERE id = ?")
                .bind(to_sql(*id))
                .execute(&mut write.tx)
                .await?;
        }
        write.commit().await
    }
}

fn command(row: &Row) -> Result<JobCommand, OdbError> {
    Ok(JobCommand {
        id: number(row, "id")?,
        job: uuid(row, "job_id")?,
        at_us: row.try_get("at")?,
        ask: json_of(row, "ask")?,
    })
}

/// A state of a job that is gone is dropped.
async fn state_put(write: &mut Write<'_>, job: Uuid, state: &Value) -> Result<(), OdbError> {
    let job = job.to_string();
    sql("DELETE FROM job_state WHERE job_id = ?")
        .bind(&job)
        .execute(&mut write.tx)
        .await?;
    sql("INSERT INTO job_state (job_id, state)
         SELECT id, ? FROM object WHERE kind = 'job' AND id = ?")
    .bind(state.to_string())
    .bind(&job)
    .execute(&mut write.tx)
    .await?;
    Ok(())
}

async fn record_put(write: &mut Write<'_>, record: &JobRecord) -> Result<(), OdbError> {
    let job = record.job.to_string();
    sql("DELETE FROM job_record WHERE job_id = ? AND (number = ? OR number <= ?)")
        .bind(&job)
        .bind(to_sql(record.number))
        .bind(to_sql(record.number.saturating_sub(RECORDS_KEPT)))
        .execute(&mut write.tx)
        .await?;
    sql("INSERT INTO job_record (job_id, number, at, record) VALUES (?, ?, ?, ?)")
        .bind(&job)
        .bind(to_sql(record.number))
        .bind(record.at_us)
        .bind(record.record.to_string())
        .execute(&mut write.tx)
        .await?;
    Ok(())
}
