//! Roles, scopes, and the one table that says who may do what to which kind of object.
//!
//! Owns the decision; refuses to know users, rows and requests. Deciding is pure, so the whole table
//! is tested. Invariants: a greater role may do all that a lesser one may; a scoped subject acts on
//! names that start with one of its prefixes and on nothing else, and changes no object that belongs
//! to the cluster as a whole; a pair of action and kind that the table does not name is refused to
//! everyone.

mod scope;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use cp_model::Invalid;
use serde::Serialize;

pub use scope::{NamePrefix, PREFIXES_MAX, Scope};
pub use table::least_role;

/// What a person or a token may do at most; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Deploys and invokes services, and changes what leads to them.
    Developer,
    /// Changes all other configuration, drains nodes, runs jobs, restores generations.
    Operator,
    /// Users, tokens, settings, keys.
    Admin,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Read,
    /// Create, update or delete configuration.
    Change,
    /// Put a version of a service in place, or roll it back.
    Deploy,
    /// Call a service or publish a message by hand.
    Invoke,
    /// Drain, run a job now, pause, restore a generation.
    Operate,
    /// Users, tokens, settings, rotation of secrets, the cluster's certificates.
    Administer,
    ReadAudit,
}

/// What it is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Channel,
    Service,
    Package,
    Job,
    Topic,
    Subscription,
    Outgoing,
    Backend,
    Security,
    Listener,
    Node,
    Cluster,
    Generation,
    Setting,
    Secret,
    User,
    Token,
    Audit,
}

/// How far a scope reaches into a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Objects have names that prefixes divide among subjects.
    Named,
    /// The cluster's own; a scoped subject may look.
    Shared,
    /// Tells about objects of every prefix, or about people; closed to scoped subjects.
    Closed,
}

/// Who asks: the most that its role and scope allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub role: Role,
    pub scope: Scope,
}

/// What the subject lacks. It says nothing about who else would be allowed, nor whether the object
/// exists: the decision is made before anything is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{action} of {kind}: {missing}")]
pub struct Forbidden {
    pub action: Action,
    pub kind: Kind,
    pub missing: Missing,
}

/// The first thing that stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    #[error("needs the role {0}")]
    Role(Role),
    #[error("the name starts with none of your prefixes")]
    Prefix,
    #[error("needs a subject without a scope, because it concerns the whole cluster")]
    WholeCluster,
    /// No role has it.
    #[error("is not possible")]
    Possibility,
}

/// May the subject do this to the object of that name? For a kind whose objects have no names
/// (`Cluster`, `Setting`, …) the name does not matter.
pub fn authorize(
    subject: &Subject,
    action: Action,
    kind: Kind,
    name: &str,
) -> Result<(), Forbidden> {
    let forbidden = |missing| {
        Err(Forbidden {
            action,
            kind,
            missing,
        })
    };
    match least_role(action, kind) {
        None => return forbidden(Missing::Possibility),
        Some(least) if subject.role < least => return forbidden(Missing::Role(least)),
        Some(_) => {}
    }
    if subject.scope.is_whole() {
        return Ok(());
    }
    match kind.reach() {
        Reach::Named if subject.scope.holds(name) => Ok(()),
        Reach::Named => forbidden(Missing::Prefix),
        Reach::Shared if action == Action::Read => Ok(()),
        Reach::Shared | Reach::Closed => forbidden(Missing::WholeCluster),
    }
}

/// May the subject ask for a list of the kind? Each row of the answer must then pass `authorize`
/// with `Action::Read`, or be left out.
pub fn authorize_list(subject: &Subject, kind: Kind) -> Result<(), Forbidden> {
    let anywhere = Subject {
        role: subject.role,
        scope: Scope::Whole,
    };
    match kind.reach() {
        Reach::Named => authorize(&anywhere, Action::Read, kind, ""),
        Reach::Shared | Reach::Closed => authorize(subject, Action::Read, kind, ""),
    }
}

// === impl Role ===

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Operator, Self::Admin];

    /// Parses what `name` gives.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| {
            Invalid::new(
                "role",
                "must be one of viewer, developer, operator and admin",
            )
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Action ===

impl Action {
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Change,
        Self::Deploy,
        Self::Invoke,
        Self::Operate,
        Self::Administer,
        Self::ReadAudit,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Deploy => "deploy",
            Self::Invoke => "invoke",
            Self::Operate => "operate",
            Self::Administer => "administer",
            Self::ReadAudit => "read_audit",
        }
    }

    /// Whether anything is different afterwards.
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Read | Self::ReadAudit)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Kind ===

impl Kind {
    pub const ALL: [Self; 18] = [
        Self::Channel,
        Self::Service,
        Self::Package,
        Self::Job,
        Self::Topic,
        Self::Subscription,
        Self::Outgoing,
        Self::Backend,
        Self::Security,
        Self::Listener,
        Self::Node,
        Self::Cluster,
        Self::Generation,
        Self::Setting,
        Self::Secret,
        Self::User,
        Self::Token,
        Self::Audit,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Service => "service",
            Self::Package => "package",
            Self::Job => "job",
            Self::Topic => "topic",
            Self::Subscription => "subscription",
            Self::Outgoing => "outgoing",
            Self::Backend => "backend",
            Self::Security => "security",
            Self::Listener => "listener",
            Self::Node => "node",
            Self::Cluster => "cluster",
            Self::Generation => "generation",
            Self::Setting => "setting",
            Self::Secret => "secret",
            Self::User => "user",
            Self::Token => "token",
            Self::Audit => "audit",
        }
    }

    pub const fn reach(self) -> Reach {
        match self {
            Self::Channel
            | Self::Service
            | Self::Package
            | Self::Job
            | Self::Topic
            | Self::Subscription
            | Self::Outgoing
            | Self::Backend
            | Self::Security => Reach::Named,
            Self::Listener | Self::Node | Self::Cluster => Reach::Shared,
            // A generation shows the configuration of every prefix, and so does the audit trail.
            Self::Generation
            | Self::Setting
            | Self::Secret
            | Self::User
            | Self::Token
            | Self::Audit => Reach::Closed,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Subject ===

impl Subject {
    /// Without a scope.
    pub fn whole(role: Role) -> Self {
        Self {
            role,
            scope: Scope::Whole,
        }
    }

    /// Whether this subject may hand out `other`: nobody gives away more than they have.
    pub fn covers(&self, other: &Self) -> bool {
        other.role <= self.role && self.scope.covers(&other.scope)
    }

    /// What is left when both must agree: a token never does more than its owner may today.
    #[must_use]
    pub fn narrowed_by(&self, other: &Self) -> Self {
        Self {
            role: self.role.min(other.role),
            scope: self.scope.narrowed_by(&other.scope),
        }
    }
}
