//! The table: which role is the least that may do an action to a kind.
//!
//! Owns nothing but the table. It is the only place that grants anything: what it does not name,
//! nobody may do. Invariant: a new kind does not compile until a line here says who may do what.

use super::{Action, Kind, Role};

/// `None`: nobody, because the action has no meaning for the kind.
pub const fn least_role(action: Action, kind: Kind) -> Option<Role> {
    match action {
        Action::Read => read(kind),
        Action::Change => change(kind),
        Action::Deploy => match kind {
            Kind::Service | Kind::Package => Some(Role::Developer),
            _ => None,
        },
        Action::Invoke => match kind {
            Kind::Channel | Kind::Service | Kind::Topic => Some(Role::Developer),
            // Runs a query or a request with credentials that are not the asker's.
            Kind::Outgoing => Some(Role::Operator),
            _ => None,
        },
        Action::Operate => match kind {
            Kind::Job
            | Kind::Topic
            | Kind::Subscription
            | Kind::Backend
            | Kind::Service
            | Kind::Node
            | Kind::Cluster
            | Kind::Generation => Some(Role::Operator),
            _ => None,
        },
        Action::Administer => match kind {
            // Of a node and a cluster: join tokens, revoked certificates, the CA.
            Kind::Setting
            | Kind::Secret
            | Kind::User
            | Kind::Token
            | Kind::Node
            | Kind::Cluster => Some(Role::Admin),
            _ => None,
        },
        Action::ReadAudit => match kind {
            Kind::Audit => Some(Role::Operator),
            _ => None,
        },
    }
}

const fn read(kind: Kind) -> Option<Role> {
    match kind {
        Kind::Channel
        | Kind::Service
        | Kind::Package
        | Kind::Job
        | Kind::Topic
        | Kind::Subscription
        | Kind::Outgoing
        | Kind::Backend
        // Definitions only: their secrets are write-only for everyone.
        | Kind::Security
        | Kind::Listener
        | Kind::Node
        | Kind::Cluster
        | Kind::Generation => Some(Role::Viewer),
        Kind::Setting | Kind::Secret => Some(Role::Operator),
        Kind::User | Kind::Token => Some(Role::Admin),
        // Has an action of its own.
        Kind::Audit => None,
    }
}

const fn change(kind: Kind) -> Option<Role> {
    match kind {
        // What leads to code that the developer deploys anyway.
        Kind::Channel | Kind::Service | Kind::Job | Kind::Topic | Kind::Subscription => {
            Some(Role::Developer)
        }
        // Where the cluster reaches out to, with which credentials, and where it listens.
        Kind::Outgoing
        | Kind::Backend
        | Kind::Security
        | Kind::Listener
        | Kind::Node
        | Kind::Cluster => Some(Role::Operator),
        // Packages and generations are immutable; the rest is administered.
        Kind::Package
        | Kind::Generation
        | Kind::Setting
        | Kind::Secret
        | Kind::User
        | Kind::Token
        | Kind::Audit => None,
    }
}
