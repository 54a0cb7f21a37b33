//! Wiring: opens everything in order, serves, stops in order.
//!
//! Invariant: whatever cannot work is found before the first listener accepts.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bascule_proto::publishing::node_config_server::NodeConfigServer;
use cp_api::{Access, Api, Events};
use cp_app::{App, AppParts, NodeDispatch};
use cp_auth::{Secret, TokenDigest};
use cp_model::{ClusterName, ErrorChain, Origin};
use cp_odb::{Odb, OdbSettings, OdbUrl};
use cp_publish::{
    DeploySettings, Deploys, Fleet, NodeConfigService, Publisher, SessionParts, clock,
};
use cp_scheduler::{OdbLease, OdbStore, Ports, Scheduler, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;

use crate::args::Args;
use crate::state_dir::StateDir;
use crate::{listen, log, ready, setup_link, state_dir};

/// Open requests get this long to end when we stop; long-lived streams are told at once.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// A node that vanished without a word is found by this; see also the reports' silence.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Answers of invoked services come in one message.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Everything that serves, before it serves.
struct Parts {
    odb: Odb,
    app: App,
    access: Arc<Access>,
    sessions: SessionParts,
    cluster_token: TokenDigest,
    stop: watch::Sender<bool>,
    scheduler: (JoinHandle<()>, cp_scheduler::Handle),
    _state_dir: StateDir,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    log::start(args.log_format);
    let http = listen::listen("--http", args.http, args.insecure_bind).await?;
    let grpc = listen::listen("--grpc", args.grpc, args.insecure_bind).await?;
    let parts = open(&args).await?;
    let (http_address, grpc_address) = (http.local_addr()?, grpc.local_addr()?);
    let rest = tokio::spawn(serve_rest(http, &parts));
    let nodes = tokio::spawn(serve_nodes(grpc, &parts));
    tracing::info!(http = %http_address, grpc = %grpc_address, "serving");
    if args.setup_link {
        setup_link::print(&parts.access, http_address, &args.http_hosts)?;
    }
    if let Some(path) = &args.ready_file {
        ready::write(path, http_address, grpc_address)?;
    }
    terminated().await?;
    tracing::info!("stopping");
    parts.stop.send_replace(true);
    let (scheduler, handle) = parts.scheduler;
    handle.stop();
    let both = async { (rest.await, nodes.await, scheduler.await) };
    if tokio::time::timeout(STOP_GRACE, both).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    // Folds the write-ahead log in; without it the next start would.
    parts.odb.close().await;
    Ok(())
}

async fn open(args: &Args) -> anyhow::Result<Parts> {
    let cluster = ClusterName::parse(&args.cluster).context("--cluster")?;
    let folder = &args.state_dir;
    let state_dir = state_dir::open(folder)?;
    let admin = token(folder, "admin.token")?;
    let cluster_token = token(folder, "cluster.token")?;
    let url = odb_url(args)?;
    let origin = Origin::new("system", clock::now());
    let odb = Odb::open(
        &OdbSettings {
            url: url.clone(),
            cluster,
        },
        &origin,
    )
    .await
    .with_context(|| format!("cannot open the ODB {url}"))?;
    let (fleet, reports) = Fleet::new();
    for node in odb.node_list().await? {
        fleet.expect(&node.seen.name);
    }
    let publisher = Publisher::start(odb.clone()).await?;
    tokio::spawn(publisher.clone().run());
    let settings = DeploySettings::default();
    let deploys = Deploys::start(odb.clone(), fleet.clone(), publisher.clone(), settings).await?;
    let (stop, stopping) = watch::channel(false);
    let (scheduler, handle) = scheduler(&odb, &fleet);
    let scheduler = tokio::spawn(scheduler.run());
    let app = App::new(AppParts {
        odb: odb.clone(),
        publisher: publisher.clone(),
        fleet: fleet.clone(),
        deploys: deploys.clone(),
        scheduler: handle.clone(),
        version: env!("CARGO_PKG_VERSION"),
    });
    tokio::spawn(app.clone().ingest(reports));
    let sessions = SessionParts {
        odb: odb.clone(),
        fleet,
        publisher,
        deploys,
        stopping,
    };
    let access = Access::new(admin.digest(), args.http_hosts.clone()).bound_to(args.http.ip());
    Ok(Parts {
        odb,
        app,
        access: Arc::new(access),
        sessions,
        cluster_token: cluster_token.digest(),
        stop,
        scheduler: (scheduler, handle),
        _state_dir: state_dir,
    })
}

fn serve_rest(listener: TcpListener, parts: &Parts) -> impl Future<Output = ()> + use<> {
    let events = Arc::new(Events::new());
    tokio::spawn(Arc::clone(&events).run(parts.app.clone()));
    let router = cp_api::router(Api {
        app: parts.app.clone(),
        access: Arc::clone(&parts.access),
        events,
        stopping: parts.stop.subscribe(),
    });
    let stop = stopped(parts.stop.subscribe());
    async move {
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(stop)
            .await
        {
            tracing::error!(error = %ErrorChain(&error), "the REST listener failed");
        }
    }
}

fn serve_nodes(listener: TcpListener, parts: &Parts) -> impl Future<Output = ()> + use<> {
    let token = parts.cluster_token;
    let service = NodeConfigService::new(parts.sessions.clone(), move |given: &str| {
        token.matches(given)
    });
    let service = NodeConfigServer::new(service)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let stop = stopped(parts.stop.subscribe());
    let serving = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .tcp_nodelay(true)
        .add_service(service)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop);
    async move {
        if let Err(error) = serving.await {
            tracing::error!(error = %ErrorChain(&error), "the nodes' listener failed");
        }
    }
}

fn token(folder: &Path, file: &str) -> anyhow::Result<Secret> {
    Secret::load_or_create(&folder.join(file), "bsc_").context("cannot use a token file")
}

type AppScheduler = Scheduler<OdbStore, OdbLease, NodeDispatch, SystemClock>;

/// One of all control planes leads; which is the lease's business.
fn scheduler(odb: &Odb, fleet: &Fleet) -> (AppScheduler, cp_scheduler::Handle) {
    Scheduler::new(Ports {
        store: OdbStore::new(odb.clone()),
        lease: OdbLease::new(odb.clone(), uuid::Uuid::now_v7().to_string()),
        dispatch: NodeDispatch::new(odb.clone(), fleet.clone()),
        clock: SystemClock::new(),
    })
}

/// A URL may hold a password, so no error here repeats it.
fn odb_url(args: &Args) -> anyhow::Result<OdbUrl> {
    let text = match (&args.odb_url, &args.odb_url_file) {
        (Some(url), _) => url.clone(),
        (None, Some(path)) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read --odb-url-file {}", path.display()))?,
        (None, None) => return Ok(OdbUrl::Sqlite(args.state_dir.join("odb.db"))),
    };
    Ok(OdbUrl::parse(text.trim())?)
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // The sender lives as long as the process; an error would mean the same as true.
    stopping.wait_for(|stopping| *stopping).await.ok();
}

async fn terminated() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
