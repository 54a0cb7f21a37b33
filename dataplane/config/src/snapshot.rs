//! The whole configuration of a node, parsed and checked across resources.
//!
//! Invariant: it is immutable and consistent; whoever holds one may index `channels` by what
//! `routes` found and `services` by what a channel's target says.

use std::collections::HashMap;
use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use dp_policy::route::{RouteError, RouteSpec, RouteTable};

use crate::{Channel, Hash, Member, Package, PackageId, Refusal, Refusals, Service, snapshot_hash};

/// One generation.
#[derive(Debug)]
pub struct Snapshot {
    pub generation: u64,
    pub cluster_id: Arc<str>,
    /// Name of the cluster, for people.
    pub cluster: Arc<str>,
    pub hash: Hash,
    pub members: Vec<Member>,
    pub packages: Vec<Package>,
    pub services: Vec<Service>,
    /// The built-in one, then those of the snapshot in its order.
    pub channels: Vec<Channel>,
    /// Finds indexes into `channels`.
    pub routes: RouteTable,
}

// === impl Snapshot ===

impl Snapshot {
    /// What a node serves before it knows any generation: the ping, number 0.
    pub fn initial() -> Result<Self, Refusals> {
        let mut snapshot = proto::Snapshot::default();
        let hash = snapshot_hash(&snapshot);
        snapshot.hash = hash.0.to_vec().into();
        let parts = Parts::parse(&snapshot)?;
        Ok(parts.into_snapshot(&snapshot, hash))
    }
}

impl TryFrom<&proto::Snapshot> for Snapshot {
    type Error = Refusals;

    fn try_from(wire: &proto::Snapshot) -> Result<Self, Refusals> {
        let hash = check_identity(wire)?;
        Parts::parse(wire).map(|parts| parts.into_snapshot(wire, hash))
    }
}

/// What does not depend on any object: without it nothing else is worth reading.
fn check_identity(wire: &proto::Snapshot) -> Result<Hash, Refusal> {
    let refuse = |field, reason: String| Refusal::new("snapshot", field, reason);
    let hash = snapshot_hash(wire);
    if wire.hash.as_ref() != hash.0 {
        return Err(refuse("hash", format!("the content hashes to {hash}")));
    }
    if wire.generation == 0 {
        return Err(refuse("generation", "must be at least 1".to_owned()));
    }
    if wire.cluster_id.is_empty() {
        return Err(refuse("cluster_id", "is empty".to_owned()));
    }
    Ok(hash)
}

struct Parts {
    members: Vec<Member>,
    packages: Vec<Package>,
    services: Vec<Service>,
    channels: Vec<Channel>,
    routes: RouteTable,
}

// === impl Parts ===

impl Parts {
    fn parse(wire: &proto::Snapshot) -> Result<Self, Refusals> {
        let mut refusals = Refusals::default();
        let members = parse_all(&wire.members, &mut refusals);
        let packages: Vec<Package> = parse_all(&wire.packages, &mut refusals);
        let services: Vec<Service> = parse_all(&wire.services, &mut refusals);
        let indexes: HashMap<&str, usize> = services
            .iter()
            .enumerate()
            .map(|(index, s)| (s.name.as_ref(), index))
            .collect();
        let channels = wire.channels.iter().filter_map(|channel| {
            refusals.keep(Channel::parse(channel, |name| indexes.get(name).copied()))
        });
        // The built-in one comes first, so that a conflict with it is the other channel's fault.
        let channels: Vec<Channel> = std::iter::once(Channel::ping()).chain(channels).collect();
        let routes = build_routes(&channels, &mut refusals);
        let parts = Self {
            members,
            packages,
            services,
            channels,
            routes,
        };
        parts.check_duplicates(&mut refusals);
        parts.check_references(&mut refusals);
        if refusals.is_empty() {
            Ok(parts)
        } else {
            Err(refusals)
        }
    }

    fn check_duplicates(&self, refusals: &mut Refusals) {
        twice(
            self.members.iter().map(|m| &m.node),
            "node",
            "node",
            refusals,
        );
        twice(
            self.packages.iter().map(|p| &p.file),
            "package",
            "file",
            refusals,
        );
        twice(
            self.packages.iter().map(|p| p.id.as_str()),
            "package",
            "id",
            refusals,
        );
        twice(
            self.services.iter().map(|s| &s.name),
            "service",
            "name",
            refusals,
        );
        twice(
            self.channels.iter().map(|c| &c.name),
            "channel",
            "name",
            refusals,
        );
    }

    fn check_references(&self, refusals: &mut Refusals) {
        let known: std::collections::HashSet<&PackageId> =
            self.packages.iter().map(|package| &package.id).collect();
        for service in self.services.iter().filter(|s| !known.contains(&s.package)) {
            let reason = format!("no package {}", service.package);
            refusals.push(Refusal::new(
                format!("service {}", service.name),
                "package_id",
                reason,
            ));
        }
    }

    fn into_snapshot(self, wire: &proto::Snapshot, hash: Hash) -> Snapshot {
        Snapshot {
            generation: wire.generation,
            cluster_id: wire.cluster_id.as_str().into(),
            cluster: wire.cluster.as_str().into(),
            hash,
            members: self.members,
            packages: self.packages,
            services: self.services,
            channels: self.channels,
            routes: self.routes,
        }
    }
}

fn build_routes(channels: &[Channel], refusals: &mut Refusals) -> RouteTable {
    let specs = channels.iter().map(|channel| RouteSpec {
        pattern: &channel.path,
        method: channel.method.as_deref(),
    });
    let refused = match RouteTable::build(&specs.collect::<Vec<_>>()) {
        Ok(routes) => return routes,
        Err(refused) => refused,
    };
    for refused in refused {
        let name = |index: usize| channels.get(index).map_or("", |channel| &*channel.name);
        let (field, reason) = match refused.error {
            RouteError::Conflict { with } => (
                "path",
                format!("takes the same requests as channel {}", name(with)),
            ),
            RouteError::Pattern(why) => ("path", why.to_string()),
            RouteError::Method => ("method", refused.error.to_string()),
        };
        refusals.push(Refusal::new(
            format!("channel {}", name(refused.index)),
            field,
            reason,
        ));
    }
    RouteTable::default()
}

fn parse_all<'a, W, T>(wires: &'a [W], refusals: &mut Refusals) -> Vec<T>
where
    T: TryFrom<&'a W, Error = Refusal>,
{
    wires
        .iter()
        .filter_map(|wire| refusals.keep(T::try_from(wire)))
        .collect()
}

/// Refuses every name that was there before.
fn twice<N: AsRef<str>>(
    names: impl Iterator<Item = N>,
    kind: &str,
    field: &'static str,
    refusals: &mut Refusals,
) {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        let text = name.as_ref().to_owned();
        if !seen.insert(text.clone()) {
            refusals.push(Refusal::new(
                format!("{kind} {text}"),
                field,
                "is there twice",
            ));
        }
    }
}

#[cfg(test)]
mod tests;
