//! One call: who asks, for what, how it shall be done, and until when.
//!
//! Invariant: an `OpContext` exists only after the door let the call in, and a change says the same of itself
//! as on the other face: for real or not, why, and under which key.

use std::future::Future;
use std::time::{Duration, Instant};

use bascule_proto::admin::v1::{self as proto, ChangeOptions};
use cp_auth::{Actor, Intent, OpContext};
use prost::Message;
use tonic::{Extensions, Request, Response, Status};

use crate::Api;
use crate::context::intent::{key_of, why_of};
use crate::context::{Admitted, Cid};
use crate::guard::unauthorized;
use crate::problem::Problem;
use crate::query::WAIT_MAX;

/// Of what a call's deadline leaves, a tenth is for the answer's way back.
const ANSWER_SHARE: u32 = 10;

/// The method's path, set by the door.
#[derive(Debug, Clone)]
pub(super) struct Method(pub(super) String);

/// When the caller stops waiting; set by the door when the caller said it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(pub(super) Instant);

/// What reads get besides the message.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) api: Api,
    pub(super) context: OpContext,
    pub(super) deadline: Option<Deadline>,
}

/// What changes get besides the message.
#[derive(Debug)]
pub(super) struct Changing {
    pub(super) api: Api,
    pub(super) context: OpContext,
    /// How long to wait until nodes have applied the change.
    pub(super) wait: Option<Duration>,
}

/// The message of a change.
pub(super) trait Change: Message {
    /// Whether the same request with the same key is done once; elsewhere keys are refused.
    const IS_KEYED: bool = false;

    fn options(&mut self) -> &mut Option<ChangeOptions>;
}

/// Answers a read by `operation`.
pub(super) async fn read<Q, A, F>(
    api: &Api,
    request: Request<Q>,
    operation: impl FnOnce(Reading, Q) -> F,
) -> Result<Response<A>, Status>
where
    F: Future<Output = Result<A, Problem>>,
{
    let (_, extensions, asked) = request.into_parts();
    let reading = Reading {
        api: api.clone(),
        context: context_of(&extensions, Intent::default())?,
        deadline: extensions.get::<Deadline>().copied(),
    };
    Ok(Response::new(operation(reading, asked).await?))
}

/// Answers a change by `operation`.
pub(super) async fn change<Q: Change, A, F>(
    api: &Api,
    request: Request<Q>,
    operation: impl FnOnce(Changing, Q) -> F,
) -> Result<Response<A>, Status>
where
    F: Future<Output = Result<A, Problem>>,
{
    let (_, extensions, mut asked) = request.into_parts();
    let actor = admitted(&extensions)?.actor;
    let (intent, wait) = options_of(&extensions, actor, &mut asked)?;
    let changing = Changing {
        api: api.clone(),
        context: context_of(&extensions, intent)?,
        wait: wait.map(|wait| extensions.get::<Deadline>().map_or(wait, |d| d.cut(wait))),
    };
    Ok(Response::new(operation(changing, asked).await?))
}

fn admitted(extensions: &Extensions) -> Result<&Admitted, Problem> {
    let admitted = extensions.get::<Admitted>();
    admitted.ok_or_else(|| unauthorized("credentials are needed"))
}

fn context_of(extensions: &Extensions, intent: Intent) -> Result<OpContext, Problem> {
    let cid = extensions.get::<Cid>().map(|cid| cid.0.clone());
    Ok(OpContext {
        actor: admitted(extensions)?.actor,
        at: cp_app::clock::now(),
        cid: cid.unwrap_or_default(),
        intent,
    })
}

fn options_of<Q: Change>(
    extensions: &Extensions,
    actor: Actor,
    asked: &mut Q,
) -> Result<(Intent, Option<Duration>), Problem> {
    let options = asked.options().get_or_insert_default();
    let why = why_of(&std::mem::take(&mut options.why));
    let is_dry_run = options.dry_run;
    let wait = wait_of(options)?;
    let given = std::mem::take(&mut options.idempotency_key);
    let key = match (&*given, Q::IS_KEYED) {
        ("", _) => None,
        (_, false) => {
            let text = "is not for this method, which is harmless to repeat";
            return Err(Problem::bad_request("/options/idempotency_key", text));
        }
        (given, true) => {
            let method = extensions.get::<Method>().map(|method| method.0.as_str());
            let message = asked.encode_to_vec();
            let what = [method.unwrap_or_default().as_bytes(), &message];
            Some(key_of(actor, given.as_bytes(), &what).map_err(of_key)?)
        }
    };
    let intent = Intent {
        why,
        is_dry_run,
        key,
    };
    Ok((intent, wait))
}

fn of_key(problem: Problem) -> Problem {
    Problem::bad_request("/options/idempotency_key", problem.detail)
}

fn wait_of(options: &ChangeOptions) -> Result<Option<Duration>, Problem> {
    let Some(wait) = options.wait else {
        return Ok(None);
    };
    match Duration::try_from(wait) {
        Ok(wait) if wait <= WAIT_MAX => Ok(Some(wait)),
        _ => Err(Problem::bad_request("/options/wait", "must be 0 s to 60 s")),
    }
}

// === impl Deadline ===

impl Deadline {
    /// So that the answer of an operation that would take `time` still arrives.
    pub(super) fn cut(self, time: Duration) -> Duration {
        let left = self.0.saturating_duration_since(Instant::now());
        time.min(left.saturating_sub(left / ANSWER_SHARE))
    }
}

// === impl Change ===

macro_rules! changes {
    ($($message:ident: $is_keyed:literal,)*) => {
        $(impl Change for proto::$message {
            const IS_KEYED: bool = $is_keyed;

            fn options(&mut self) -> &mut Option<ChangeOptions> {
                &mut self.options
            }
        })*
    };
}

changes! {
    CreateObjectRequest: true,
    UpdateObjectRequest: false,
    ReplaceObjectRequest: false,
    DeleteObjectRequest: false,
    ApplyObjectsRequest: true,
    RestoreGenerationRequest: true,
    UpdateNodeRequest: false,
    DeleteNodeRequest: false,
    DeployPackageRequest: false,
    UndeployPackageRequest: false,
}
