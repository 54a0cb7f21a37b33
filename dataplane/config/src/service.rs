//! A name that can be invoked and the package that answers to it.

use std::sync::Arc;

use bascule_proto::config::v1 as proto;

use crate::{BuiltIn, PackageId, Refusal, name};

/// A service in a package. Built-in services are not listed: every node has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: Arc<str>,
    pub package: PackageId,
}

// === impl Service ===

impl TryFrom<&proto::Service> for Service {
    type Error = Refusal;

    fn try_from(wire: &proto::Service) -> Result<Self, Refusal> {
        let refuse =
            |field, reason: String| Refusal::new(format!("service {}", wire.name), field, reason);
        name::check_service(&wire.name).map_err(|reason| refuse("name", reason))?;
        if BuiltIn::named(&wire.name).is_some() {
            return Err(refuse(
                "name",
                "is the name of a built-in service".to_owned(),
            ));
        }
        let package = PackageId::parse(&wire.package_id).ok_or_else(|| {
            refuse(
                "package_id",
                "is not 64 lower-case hexadecimal digits".to_owned(),
            )
        })?;
        Ok(Self {
            name: wire.name.as_str().into(),
            package,
        })
    }
}
