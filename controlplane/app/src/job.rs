//! Jobs: when they fire next, what became of them, and what people ask of them.
//!
//! Jobs themselves are objects; this is what an object has not. Invariant: what a person asks is kept in
//! the ODB until the leader has done it, so it is done once, whichever process heard it.

mod dispatch;

use cp_auth::{Action, OpContext};
use cp_model::kind::JOB;
use cp_model::{Invalid, Object, ObjectName, Spec, Timestamp};
use cp_odb::JobRecord;
use cp_scheduler::{Ask, JobId, JobSpec, JobState, Moment, Revision, job_fields};

use crate::{App, AppError, clock};

pub use dispatch::NodeDispatch;

/// How many of the next fires are told.
const NEXT_FIRES: usize = 5;

/// A job, and how it stands.
#[derive(Debug, Clone)]
pub struct JobView {
    pub object: Object,
    /// Absent until a leader has seen the job.
    pub state: Option<JobState>,
    /// In milliseconds since 1970; empty when it will not fire again.
    pub next_fires_ms: Vec<i64>,
}

// === impl App ===

impl App {
    pub async fn job_show(
        &self,
        context: &OpContext,
        name: &ObjectName,
    ) -> Result<JobView, AppError> {
        let object = self.object_find(context, &JOB, name).await?;
        let state = self.odb.job_state(object.id).await?;
        let now = now();
        Ok(JobView {
            state: state.and_then(|state| serde_json::from_value(state).ok()),
            next_fires_ms: next_fires(&object.spec, object.created_at, now)?,
            object,
        })
    }

    /// The next fires of a job that is not saved yet.
    pub fn job_preview(
        &self,
        context: &OpContext,
        fields: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Vec<i64>, AppError> {
        context.authorize(Action::Read)?;
        let (_name, spec) = JOB.parse(fields)?;
        Ok(next_fires(&spec, context.at, now())?)
    }

    /// Newest first, those before number `before`.
    pub async fn job_records(
        &self,
        context: &OpContext,
        name: &ObjectName,
        before: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, AppError> {
        let object = self.object_find(context, &JOB, name).await?;
        Ok(self.odb.job_records(object.id, before, limit).await?)
    }

    /// Hands a wish to the leader.
    pub async fn job_ask(
        &self,
        context: &OpContext,
        name: &ObjectName,
        ask: Ask,
    ) -> Result<(), AppError> {
        context.authorize(Action::Change)?;
        let object = self.object_find(context, &JOB, name).await?;
        let ask =
            serde_json::to_value(ask).map_err(|error| Invalid::new("extra", error.to_string()))?;
        let job = (object.id, object.name.as_str());
        let number = self.odb.job_command(&context.origin(), job, &ask).await?;
        self.scheduler.reload(Revision(number));
        Ok(())
    }
}

/// What the kind's table cannot say of a job: whether its times mean anything.
pub(crate) fn check(spec: &Spec, at: Timestamp) -> Result<(), Invalid> {
    parse(spec, at).map(|_| ())
}

fn parse(spec: &Spec, created_at: Timestamp) -> Result<JobSpec, Invalid> {
    let mut fields = job_fields(spec, created_at);
    // Jobs that follow are names here; that they exist is the ODB's to say.
    fields.on_success_job.clear();
    fields.on_error_job.clear();
    let at = Moment::from_unix_ms(created_at.unix_us() / 1_000);
    JobSpec::parse(JobId(uuid::Uuid::nil()), &fields, at).map_err(renamed)
}

/// The scheduler's words for two fields are shorter.
fn renamed(error: Invalid) -> Invalid {
    let field = match error.field.as_ref() {
        "zone" => "time_zone".into(),
        "kind" => "type".into(),
        _ => error.field,
    };
    Invalid { field, ..error }
}

fn next_fires(spec: &Spec, created_at: Timestamp, now: Moment) -> Result<Vec<i64>, Invalid> {
    if !spec.is("is_active") {
        return Ok(Vec::new());
    }
    let job = parse(spec, created_at)?;
    let fires = job.schedule.next_fires(now, NEXT_FIRES);
    Ok(fires.into_iter().map(Moment::unix_ms).collect())
}

fn now() -> Moment {
    Moment::from_unix_ms(clock::now().unix_us() / 1_000)
}
