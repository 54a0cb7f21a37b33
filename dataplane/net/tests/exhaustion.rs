//! A process without descriptors: accepting pauses, and goes on when there are some. Alone in its binary, for the limit is
//! that of the whole process.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::fs::File;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::time::Duration;

use dp_net::{Acceptor, DeadlineWheel, DriverChoice, ListenerSet};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Long enough for some pauses.
const WATCHED: Duration = Duration::from_millis(550);
/// One attempt each 100 ms, and one more on a busy machine. Without a pause there are thousands.
const ATTEMPTS_MAX: u32 = 8;

fn limit_descriptors(soft: Option<u64>) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = soft;
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

async fn accept_while_exhausted() {
    let set = ListenerSet::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let acceptor = Acceptor::new(set.of_core(0).unwrap()).unwrap();
    // In the kernel's queue, so that accepting has something to fail at.
    let _waiting = TcpStream::connect(set.address()).unwrap();
    let (failures, accepted) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (counted, seen) = (Rc::clone(&failures), Rc::clone(&accepted));
    let before = getrlimit(Resource::Nofile).current;
    let lowest_free = File::open("/dev/null").unwrap().as_raw_fd();
    limit_descriptors(u64::try_from(lowest_free).ok());
    dp_net::spawn(async move {
        let wheel = Rc::new(DeadlineWheel::default());
        let failed = |error: &std::io::Error| {
            assert!(dp_net::is_exhaustion(error), "{error}");
            counted.set(counted.get() + 1);
        };
        seen.set(acceptor.accept(&wheel, failed).await.is_some());
    });

    dp_net::sleep(WATCHED).await;
    assert!(!accepted.get());
    let attempts = failures.get();
    assert!((2..=ATTEMPTS_MAX).contains(&attempts), "{attempts}");

    limit_descriptors(before);
    while !accepted.get() {
        dp_net::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn without_descriptors_accepting_pauses_and_goes_on_when_there_are_some() {
    for driver in [DriverChoice::Auto, DriverChoice::Legacy] {
        dp_net::block_on(driver, |_| accept_while_exhausted()).unwrap();
    }
}
