//! `bascule dev`: a whole cluster for one folder, on this machine, until Ctrl-C. It starts the same binaries
//! that production runs, and takes nothing but the API to drive them. Invariant: what it has started has ended when it ends.

pub(crate) mod deploy;
pub(crate) mod undeploy;

mod channels;
mod follow;
mod ignored;
mod logs;
mod ports;
mod processes;
mod project;
mod requests;
mod saves;
mod session;
mod start;
mod try_line;
mod watch;

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use self::processes::{EVENTS_MAX, Event, Processes};
use self::project::Project;
use self::session::Session;
use self::start::Cluster;
use crate::applied::readable;
use crate::args::DevArgs;
use crate::failure::Failure;
use crate::output::{Output, Paint};

/// Nodes drain for up to 5 s; a little more for writing their last words.
const STOP_GRACE: Duration = Duration::from_secs(8);

pub(crate) async fn run(args: DevArgs, output: &Output) -> Result<(), Failure> {
    let start = Instant::now();
    let project = Project::open(&args.dir)?;
    if !project.created.is_empty() {
        say(output, &format!("created {}", project.created.join(", ")));
    }
    let mut stop = Stop::new()?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let mut processes = Processes::new(&project.dir, sender)?;
    let is_up = Cell::new(false);
    let running = (&mut processes, &mut events);
    let outcome = tokio::select! {
        outcome = serve((&project, &args), running, (output, start), &is_up) => outcome,
        // Ctrl-C is how a session ends; before it was up, it has been interrupted.
        () = stop.asked() => if is_up.get() { Ok(()) } else { Err(Failure::Interrupted) },
    };
    // From here on the children's lines are read and thrown away.
    drop(events);
    output.talk(&output.paint(Paint::Dim, "\nstopping (again: at once)"));
    processes.stop(STOP_GRACE, stop.asked()).await;
    output.talk(&format!("stopped · data is in {}", project.state.display()));
    outcome
}

async fn serve(
    (project, args): (&Project, &DevArgs),
    (processes, events): (&mut Processes, &mut mpsc::Receiver<Event>),
    (output, start): (&Output, Instant),
    is_up: &Cell<bool>,
) -> Result<(), Failure> {
    let cluster = Cluster::start(project, args, processes).await?;
    cluster
        .moved
        .iter()
        .for_each(|moved| output.talk(&output.paint(Paint::Yellow, moved)));
    say(
        output,
        &format!("odb sqlite {}", project.state.join("odb.db").display()),
    );
    let mut session = Session::new(project, cluster, output)?;
    session.deploy_all().await?;
    session.nodes().await?;
    is_up.set(true);
    session.banner(&readable(start.elapsed().as_secs_f64() * 1000.0));
    session.run(processes, events).await
}

fn say(output: &Output, text: &str) {
    output.data(&format!("{} {text}", output.paint(Paint::Green, "✓")));
}

/// SIGINT and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

// === impl Stop ===

impl Stop {
    fn new() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::io("listening for signals", &error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
