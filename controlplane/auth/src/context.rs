//! The context of one operation: who, when, under which correlation id.
//!
//! Owns the decision what an actor may do. Invariant: every use case takes an `OpContext`, so there
//! is no way to change anything anonymously.

use cp_model::{Origin, RequestKey, Timestamp};

/// Passed to every use case.
#[derive(Debug, Clone)]
pub struct OpContext {
    pub actor: Actor,
    pub at: Timestamp,
    pub cid: String,
    pub intent: Intent,
}

/// How a change is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intent {
    /// For the audit trail; may be empty.
    pub why: String,
    /// Everything but the commit.
    pub is_dry_run: bool,
    pub key: Option<RequestKey>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The bearer of the admin token, or of a session made with it.
    Admin,
    /// A node of the cluster, by the cluster token.
    Node,
    /// The control plane itself.
    System,
}

/// What is asked, coarsely; roles will be sets of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Read,
    Change,
    Invoke,
    Register,
}

/// The actor is known but may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{actor:?} may not {action:?}")]
pub struct Forbidden {
    pub actor: Actor,
    pub action: Action,
}

// === impl OpContext ===

impl OpContext {
    pub fn authorize(&self, action: Action) -> Result<(), Forbidden> {
        let allowed = match self.actor {
            Actor::Admin => action != Action::Register,
            Actor::Node => action == Action::Register,
            Actor::System => true,
        };
        if allowed {
            Ok(())
        } else {
            Err(Forbidden {
                actor: self.actor,
                action,
            })
        }
    }

    /// What the audit trail keeps.
    pub fn origin(&self) -> Origin {
        Origin {
            who: self.actor.name().to_owned(),
            at: self.at,
            why: self.intent.why.clone(),
            is_dry_run: self.intent.is_dry_run,
            key: self.intent.key.clone(),
        }
    }
}

// === impl Actor ===

impl Actor {
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Node => "node",
            Self::System => "system",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_may_register_and_nothing_else() {
        let context = |actor| OpContext {
            actor,
            at: Timestamp::default(),
            cid: "c".into(),
            intent: Intent::default(),
        };
        let node = context(Actor::Node);
        assert!(node.authorize(Action::Register).is_ok());
        for action in [Action::Read, Action::Change, Action::Invoke] {
            assert_eq!(
                node.authorize(action),
                Err(Forbidden {
                    actor: Actor::Node,
                    action
                })
            );
            assert!(context(Actor::Admin).authorize(action).is_ok());
        }
        assert!(context(Actor::Admin).authorize(Action::Register).is_err());
    }
}
