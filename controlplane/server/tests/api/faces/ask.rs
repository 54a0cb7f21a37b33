//! One request, as neither face says it.

use serde_json::Value;

/// The table does not say what comes of it.
pub(crate) const ANY_CLASS: &str = "";

/// What is asked, and the class of the outcome: `OK`, or the reason of an error.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) what: What,
    pub(crate) how: How,
    wanted: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    List(List, Page),
    Show(Show),
    Create {
        kind: &'static str,
        name: &'static str,
        spec: Value,
    },
    /// `null` in the patch takes a field back to its default. With a mask, gRPC is given it and what it leaves out.
    Update {
        kind: &'static str,
        name: &'static str,
        etag: Etag,
        patch: Value,
        mask: bool,
    },
    /// A name in the spec renames.
    Replace {
        kind: &'static str,
        name: &'static str,
        etag: Etag,
        spec: Value,
    },
    Delete {
        kind: &'static str,
        name: &'static str,
        etag: Etag,
    },
    Diff {
        from: Option<u64>,
        to: u64,
    },
    Restore {
        number: u64,
    },
    NodeUpdate {
        name: &'static str,
        etag: Etag,
        state: Option<&'static str>,
        weight: Option<u32>,
    },
    /// `drain`, `resume` or `offline`; states for gRPC.
    NodeVerb {
        name: &'static str,
        verb: &'static str,
    },
    NodeDelete {
        name: &'static str,
        etag: Etag,
    },
    Invoke {
        name: &'static str,
        body: &'static str,
        timeout_ms: Option<u64>,
    },
    Deploy {
        file: &'static str,
        source: String,
    },
    Undeploy {
        id: Id,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum List {
    Objects(&'static str),
    Generations,
    Nodes,
    Services,
    Packages,
    Audit,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Show {
    Cluster,
    Object(&'static str, &'static str),
    Generation(u64),
    Node(&'static str),
    Service(&'static str),
    Package(Id),
    Source(Id),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Page {
    First,
    Size(u32),
    /// What the list before told to go on with.
    Next(u32),
    Token(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Etag {
    Missing,
    Any,
    /// The one that the face told last, of any object.
    Last,
    Text(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Id {
    /// Of the package that was deployed last.
    Last,
    Text(&'static str),
}

/// How a change is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct How {
    /// Seconds to wait for the nodes.
    pub(crate) wait_s: Option<u32>,
    pub(crate) is_dry_run: bool,
    pub(crate) key: Option<&'static str>,
    pub(crate) why: &'static str,
}

// === impl Ask ===

impl Ask {
    /// Changes wait for the nodes, so that what is asked next does not depend on their pace.
    pub(crate) fn new(wanted: &'static str, what: What) -> Self {
        let how = How {
            wait_s: Some(20),
            ..How::default()
        };
        Self { what, how, wanted }
    }

    pub(crate) fn how(mut self, change: impl FnOnce(&mut How)) -> Self {
        change(&mut self.how);
        self
    }

    pub(crate) fn wanted(&self) -> &'static str {
        self.wanted
    }

    /// As `openapi.json` has it.
    pub(crate) fn operation(&self) -> String {
        let plural = |kind: &str| cp_model::kind::find(kind).map_or("", |kind| kind.plural);
        let (method, path) = match &self.what {
            What::List(list, _) => ("GET", list.path()),
            What::Show(show) => ("GET", show.path()),
            What::Create { kind, .. } => ("POST", plural(kind).to_owned()),
            What::Update { kind, .. } => ("PATCH", format!("{}/{{name}}", plural(kind))),
            What::Replace { kind, .. } => ("PUT", format!("{}/{{name}}", plural(kind))),
            What::Delete { kind, .. } => ("DELETE", format!("{}/{{name}}", plural(kind))),
            What::Diff { .. } => ("GET", "generations/{number}/diff".to_owned()),
            What::Restore { .. } => ("POST", "generations/{number}/restore".to_owned()),
            What::NodeUpdate { .. } => ("PATCH", "nodes/{name}".to_owned()),
            What::NodeVerb { verb, .. } => ("POST", format!("nodes/{{name}}:{verb}")),
            What::NodeDelete { .. } => ("DELETE", "nodes/{name}".to_owned()),
            What::Invoke { .. } => ("POST", "services/{name}:invoke".to_owned()),
            What::Deploy { .. } => ("POST", "packages".to_owned()),
            What::Undeploy { .. } => ("DELETE", "packages/{id}".to_owned()),
        };
        format!("{method} /api/v1/{path}")
    }
}

impl List {
    pub(crate) fn path(self) -> String {
        match self {
            Self::Objects(kind) => cp_model::kind::find(kind).map_or(kind, |kind| kind.plural),
            Self::Generations => "generations",
            Self::Nodes => "nodes",
            Self::Services => "services",
            Self::Packages => "packages",
            Self::Audit => "audit",
        }
        .to_owned()
    }
}

impl Show {
    fn path(self) -> String {
        match self {
            Self::Cluster => "cluster".to_owned(),
            Self::Object(kind, _) => format!("{}/{{name}}", List::Objects(kind).path()),
            Self::Generation(_) => "generations/{number}".to_owned(),
            Self::Node(_) => "nodes/{name}".to_owned(),
            Self::Service(_) => "services/{name}".to_owned(),
            Self::Package(_) => "packages/{id}".to_owned(),
            Self::Source(_) => "packages/{id}/source".to_owned(),
        }
    }
}
