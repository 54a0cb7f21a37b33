//! Executors: built-in services and supervised Python workers.
//!
//! Owns the worker processes of a node (`supervisor`), the sockets between the cores and them (`pool`, `link`) and
//! the services that are compiled in (`builtin`). Refuses to know HTTP, routes or config: it is given handles and
//! bytes. Invariant: a call always ends (with a reply or a `CallError`), and an answer never reaches another call.

pub mod builtin;
mod call;
mod link;
mod package;
mod pool;
pub mod python_package;
mod supervisor;

pub use call::{Call, CallError, DataFormat, Raised, Reply, Source};
pub use link::Waiting;
pub use package::{
    BindError, DeclaredService, PackageError, PackageFile, ServiceBinding, ServiceSet, TrialOutcome,
};
pub use pool::{ARRIVAL_PATIENCE, WorkerEvent, WorkerPool};
pub use supervisor::{
    FaultReporter, HEARTBEAT_TIMEOUT, IMPORT_TIMEOUT, START_TIMEOUT, StartError, Supervisor,
    SupervisorConfig, WorkerRenewal, WorkerStatus,
};
