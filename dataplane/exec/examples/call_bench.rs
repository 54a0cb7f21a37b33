//! What one call of a Python service costs: CPU of the core's thread and of the worker, by calls in flight.
//!
//!     cargo run --release -p dp-exec --example call_bench -- [python3] [calls] [pin]
//!
//! The service echoes small JSON. `pin` keeps the core's thread and the worker on one CPU. CPU comes from `schedstat`, so it
//! holds what the kernel spends for them as well; wall time is for orientation only.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be made may as well end"
)]
#![expect(clippy::print_stdout, reason = "the figures are for a person")]
#![expect(
    clippy::disallowed_methods,
    reason = "the wall clock is what is measured"
)]

use std::{
    cell::Cell,
    fs,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use dp_codec::Method;
use dp_exec::{
    Call, DataFormat, PackageFile, ServiceBinding, Supervisor, SupervisorConfig, WorkerPool,
};
use dp_net::{Driver, DriverChoice, block_on, pin_thread};

const SERVICE: &str = "
from zato.server.service import Service

class Echo(Service):
    name = 'echo'

    def handle(self):
        self.response.payload = self.request.payload
";
const BODY: &[u8] = br#"{"customer":{"id":1234,"name":"Ann"},"items":[1,2,3],"total":12.5}"#;
const HEADERS: &[u8] = b"Host: 127.0.0.1:8080\r\nUser-Agent: bench\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 66\r\n";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let python = arguments.next().unwrap_or_else(|| "python3".to_owned());
    let calls: u32 = arguments
        .next()
        .map_or(200_000, |calls| calls.parse().unwrap());
    if arguments.next().is_some() {
        // Threads and processes that are started from here on inherit it.
        pin_thread(0).unwrap();
    }
    let state = std::env::temp_dir().join(format!("call-bench-{}", std::process::id()));
    block_on(DriverChoice::Auto, |driver| {
        measure(python, calls, state.clone(), driver)
    })
    .unwrap();
    fs::remove_dir_all(state).unwrap();
}

async fn measure(python: String, calls: u32, state: std::path::PathBuf, driver: Driver) {
    let mut config = SupervisorConfig::new("bench", 1, &state);
    config.python = python.into();
    let (supervisor, mut cores) = Supervisor::start(config).unwrap();
    let pool = WorkerPool::new(cores.remove(0));
    let handle = deploy(&supervisor, &state).await;
    let status = supervisor.status();
    println!(
        "{} {driver:?}, one worker, {} bytes of JSON in and out",
        status.python,
        BODY.len()
    );
    println!("in flight   core µs/call   worker µs/call   calls/s");
    run(&pool, handle, 64, 20_000).await;
    for in_flight in [1_u32, 16, 64] {
        let count = if in_flight == 1 { calls / 8 } else { calls };
        let worker = status.pids.first().copied().unwrap();
        let before = (thread_cpu(), process_cpu(worker), Instant::now());
        run(&pool, handle, in_flight, count).await;
        let wall = before.2.elapsed();
        println!(
            "{in_flight:9} {:14.2} {:16.2} {:9.0}",
            micros(thread_cpu() - before.0) / f64::from(count),
            micros(process_cpu(worker) - before.1) / f64::from(count),
            f64::from(count) / wall.as_secs_f64(),
        );
    }
    supervisor.stop(Duration::from_secs(10)).await;
}

async fn deploy(supervisor: &Supervisor, state: &Path) -> u32 {
    let path = state.join("echo.py");
    fs::write(&path, SERVICE).unwrap();
    let package = PackageFile {
        id: "echo".into(),
        file: "echo.py".into(),
        module: "echo".into(),
        path,
    };
    supervisor.trial(package.clone()).await.unwrap();
    let service = ServiceBinding {
        name: "echo".into(),
        package: package.id.clone(),
    };
    let set = supervisor.bind(vec![package], vec![service]).await.unwrap();
    set.handles.get("echo").copied().unwrap()
}

async fn run(pool: &Rc<WorkerPool>, handle: u32, in_flight: u32, count: u32) {
    let left = Rc::new(Cell::new(count));
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| monoio::spawn(client(Rc::clone(pool), handle, Rc::clone(&left))))
        .collect();
    for task in tasks {
        task.await;
    }
}

async fn client(pool: Rc<WorkerPool>, handle: u32, left: Rc<Cell<u32>>) {
    let call = Call {
        handle,
        method: Method::Post,
        data_format: DataFormat::Json,
        cid: b"0198c0de0000700080000000000000aa",
        channel: b"bench.echo",
        path: b"/bench/echo",
        remote: b"127.0.0.1:54321",
        headers: HEADERS,
        body: BODY,
        ..Call::default()
    };
    while let Some(rest) = left.get().checked_sub(1) {
        left.set(rest);
        let reply = pool
            .call(&call, Some(Duration::from_secs(30)))
            .await
            .unwrap();
        assert_eq!((reply.status, reply.body.len() >= BODY.len()), (200, true));
    }
}

/// Nanoseconds on a CPU, user and kernel.
fn thread_cpu() -> u64 {
    schedstat(Path::new("/proc/thread-self"))
}

fn process_cpu(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.map(|task| schedstat(&task.unwrap().path())).sum()
}

fn schedstat(task: &Path) -> u64 {
    let text = fs::read_to_string(task.join("schedstat")).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn micros(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1e6
}
