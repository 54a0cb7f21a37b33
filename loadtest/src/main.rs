//! `bascule-loadtest`: starts the threads of load, the fixed backend or the simulated fleet, prints the result, chooses the exit
//! code: 0 done, 1 failed (with `--fail-on-error` also when a request failed), 64 wrong usage, 130 interrupted.

mod args;
mod arrivals;
mod backend;
mod connection;
mod engine;
mod fleet;
mod framing;
mod interrupt;
mod plan;
mod poller;
mod progress;
mod report;
mod request;
mod response;
mod tally;

use std::io::Write as _;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser as _;

use crate::args::{BackendArgs, Cli, Command, RunArgs};
use crate::engine::{Engine, Live, Share};
use crate::interrupt::INTERRUPTED;
use crate::plan::Plan;
use crate::report::Report;
use crate::tally::Tally;

const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done when even the message cannot be printed.
            error.print().ok();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let outcome = match &cli.command {
        Some(Command::Backend(args)) => backend(args).map(|()| ExitCode::SUCCESS),
        Some(Command::Fleet(args)) => fleet::run(args).map(|()| ExitCode::SUCCESS),
        None => match Plan::from_args(&cli.run) {
            Ok(plan) => run(&cli.run, &plan),
            Err(error) => {
                complain(&error);
                return ExitCode::from(USAGE);
            }
        },
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn complain(error: &anyhow::Error) {
    writeln!(std::io::stderr(), "error: {error:#}").ok();
}

/// Measures and prints, also what an interrupted run has measured until then.
fn run(args: &RunArgs, plan: &Plan) -> anyhow::Result<ExitCode> {
    let interrupt = interrupt::listen().context("listening for Ctrl-C")?;
    let cpu_before = cpu_time();
    let start = Instant::now();
    let tally = measure(plan, (start, &interrupt), args.quiet)?;
    let cpu = cpu_time().saturating_sub(cpu_before);
    let report = Report::new(plan, &tally, start.elapsed(), cpu);
    let json = || serde_json::to_string_pretty(&report);
    match args.json.as_deref() {
        Some("-") => writeln!(std::io::stdout(), "{}", json()?)?,
        Some(path) => {
            std::fs::write(path, json()? + "\n").with_context(|| format!("writing {path}"))?;
            write!(std::io::stdout(), "{}", report.table())?;
        }
        None => write!(std::io::stdout(), "{}", report.table())?,
    }
    Ok(if tally.is_interrupted {
        ExitCode::from(INTERRUPTED)
    } else if tally.is_clean() || !args.fail_on_error {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure(
    plan: &Plan,
    (start, interrupt): (Instant, &AtomicBool),
    quiet: bool,
) -> anyhow::Result<Tally> {
    let lives: Vec<Live> = (0..plan.threads).map(|_| Live::default()).collect();
    let (sender, done) = mpsc::channel();
    let results = std::thread::scope(|scope| {
        for (index, live) in lives.iter().enumerate() {
            let sender = sender.clone();
            let share = Share {
                index,
                of: plan.threads,
            };
            // A closed channel means that the main thread has given up already.
            scope.spawn(move || {
                sender
                    .send(Engine::new(plan, share, (start, interrupt), live).and_then(Engine::run))
                    .is_ok()
            });
        }
        drop(sender);
        progress::show(&lives, &done, plan.threads, quiet)
    });
    anyhow::ensure!(
        results.len() == plan.threads,
        "a thread of load ended without a result"
    );
    let mut whole = Tally::new()?;
    for result in results {
        whole.merge(&result?)?;
    }
    Ok(whole)
}

fn backend(args: &BackendArgs) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(args.listen).with_context(|| format!("listening on {}", args.listen))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", listener.local_addr()?)?;
    stdout.flush()?;
    let delay_ns = args.delay_ms.saturating_mul(1_000_000);
    backend::Backend::new(listener, args.body_bytes, delay_ns)?.serve()?;
    Ok(())
}

/// User and system time of all threads; zero where /proc does not say.
fn cpu_time() -> Duration {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return Duration::ZERO;
    };
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|f| f.parse::<u64>().ok())
        .sum();
    // Linux counts these in hundredths of a second on every architecture.
    Duration::from_millis(ticks * 10)
}
