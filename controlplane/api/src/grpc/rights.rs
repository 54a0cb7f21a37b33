//! What each method needs, in one table.
//!
//! Invariant: a method that is not in the table cannot be called; a test compares the table with what is
//! compiled, so a new one is closed until somebody says what it needs.

use cp_auth::Action;

/// What a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Nothing, as for `/readyz`.
    Open,
    /// Credentials, and to be allowed this.
    May(Action),
}

const READ: Right = Right::May(Action::Read);
const CHANGE: Right = Right::May(Action::Change);
const INVOKE: Right = Right::May(Action::Invoke);

/// In order of the path.
const METHODS: &[(&str, Right)] = &[
    ("/bascule.admin.v1.Audit/List", READ),
    ("/bascule.admin.v1.Clusters/Get", READ),
    ("/bascule.admin.v1.Generations/Diff", READ),
    ("/bascule.admin.v1.Generations/Get", READ),
    ("/bascule.admin.v1.Generations/List", READ),
    ("/bascule.admin.v1.Generations/Restore", CHANGE),
    ("/bascule.admin.v1.Generations/Watch", READ),
    ("/bascule.admin.v1.Nodes/Delete", CHANGE),
    ("/bascule.admin.v1.Nodes/Get", READ),
    ("/bascule.admin.v1.Nodes/List", READ),
    ("/bascule.admin.v1.Nodes/Update", CHANGE),
    ("/bascule.admin.v1.Objects/Apply", CHANGE),
    ("/bascule.admin.v1.Objects/Create", CHANGE),
    ("/bascule.admin.v1.Objects/Delete", CHANGE),
    ("/bascule.admin.v1.Objects/Get", READ),
    ("/bascule.admin.v1.Objects/List", READ),
    ("/bascule.admin.v1.Objects/Replace", CHANGE),
    ("/bascule.admin.v1.Objects/Update", CHANGE),
    ("/bascule.admin.v1.Packages/Deploy", CHANGE),
    ("/bascule.admin.v1.Packages/Get", READ),
    ("/bascule.admin.v1.Packages/GetSource", READ),
    ("/bascule.admin.v1.Packages/List", READ),
    ("/bascule.admin.v1.Packages/Undeploy", CHANGE),
    ("/bascule.admin.v1.Services/Get", READ),
    ("/bascule.admin.v1.Services/Invoke", INVOKE),
    ("/bascule.admin.v1.Services/List", READ),
    ("/grpc.health.v1.Health/Check", Right::Open),
    // Each watcher costs a query now and then for as long as it likes.
    ("/grpc.health.v1.Health/Watch", READ),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        READ,
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        READ,
    ),
];

/// `None` when there is no such method.
pub(super) fn of(path: &str) -> Option<Right> {
    let index = METHODS.binary_search_by_key(&path, |(path, _)| path).ok()?;
    METHODS.get(index).map(|(_, right)| *right)
}

/// Whether a health check may name it; empty is the process as a whole.
pub(super) fn is_service(name: &str) -> bool {
    let is_of = |path: &str| {
        let rest = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    name.is_empty() || METHODS.iter().any(|(path, _)| is_of(path))
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// Every method of the services that are served.
    fn compiled() -> Vec<String> {
        let mut paths = Vec::new();
        for set in super::super::DESCRIPTORS {
            for file in FileDescriptorSet::decode(set).unwrap().file {
                for service in &file.service {
                    let method =
                        |name: &str| format!("/{}.{}/{name}", file.package(), service.name());
                    paths.extend(service.method.iter().map(|one| method(one.name())));
                }
            }
        }
        paths.sort();
        paths
    }

    #[test]
    fn the_table_has_every_method_and_no_other() {
        let table: Vec<_> = METHODS.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(table, compiled());
        assert!(table.iter().all(|path| of(path).is_some()), "in order");
    }

    #[test]
    fn only_the_health_check_is_open() {
        let open: Vec<_> = METHODS
            .iter()
            .filter(|(_, right)| *right == Right::Open)
            .collect();
        assert_eq!(open, [&("/grpc.health.v1.Health/Check", Right::Open)]);
        for unknown in [
            "",
            "/",
            "/bascule.admin.v1.Objects/",
            "/bascule.admin.v1.Objects/List/",
            "/a.B/C",
        ] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn services_are_known_by_their_whole_names() {
        for known in ["", "bascule.admin.v1.Objects", "grpc.health.v1.Health"] {
            assert!(is_service(known), "{known}");
        }
        for unknown in [
            "bascule",
            "bascule.admin.v1",
            "bascule.admin.v1.Object",
            "Objects",
        ] {
            assert!(!is_service(unknown), "{unknown}");
        }
    }
}
