//! Why a command did not do what was asked, and what the person can do next. It owns no printing
//! and no exit codes. Invariant: a message says what happened; `next` says what to do, and never repeats it.

use std::io;

use crate::file::Unreadable;
use crate::problem::Problem;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("the control plane at {url} does not answer: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} is not a Bascule control plane: it answered {status} in a form of its own")]
    Stranger { url: String, status: u16 },
    #[error("{0}")]
    Problem(Box<Problem>),
    #[error("there is no {what} '{name}'")]
    NotFound {
        what: &'static str,
        name: String,
        near: Option<String>,
    },
    /// The change is made, and the nodes have not all said in time that they run it.
    #[error("{0}")]
    NotApplied(String),
    /// A file was renamed, and its services cannot move from one file to the other while channels use them.
    #[error("{file} declares services of {owner}, which is gone, and channels use them: {}", .channels.join(", "))]
    Renamed {
        file: String,
        owner: String,
        channels: Vec<String>,
    },
    #[error("interrupted")]
    Interrupted,
    #[error("{0}")]
    Failed(String),
    /// No failure: what was compared is different, and that has been said.
    #[error("different")]
    Different,
    /// The command has already said what failed.
    #[error("failed")]
    Said,
}

// === impl Failure ===

impl Failure {
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }

    pub(crate) fn unreadable(name: &str, why: &Unreadable) -> Self {
        Self::Failed(format!("{name} {why}"))
    }

    /// What to do about it, in one line.
    pub(crate) fn next(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { .. } | Self::Stranger { .. } => {
                "start one with `bascule dev DIR`, or name another with --url or BASCULE_URL".into()
            }
            Self::NotFound {
                near: Some(near), ..
            } => format!("did you mean '{near}'?"),
            Self::NotFound {
                what, near: None, ..
            } => format!("see `bascule {what} list`"),
            Self::NotApplied(_) => {
                "the change stays; `bascule node list` shows who runs which generation".into()
            }
            Self::Renamed {
                file,
                owner,
                channels,
            } => {
                let delete = |channel| format!("bascule channel delete -y {channel} && ");
                let channels: String = channels.iter().map(delete).collect();
                format!(
                    "name it {owner} again, or type `{channels}bascule service delete -y {owner}` and save {file}: \
                     the channels of bascule.toml are made again"
                )
            }
            Self::Problem(problem) => return problem.next(),
            Self::Usage(_) | Self::Interrupted | Self::Failed(_) | Self::Different | Self::Said => {
                return None;
            }
        })
    }
}
