//! One socket between a core and a worker: calls out, answers in, many of each per wake-up.
//!
//! Owns the two tasks of the socket and the calls in flight on it. Whatever calls are begun in one turn of the core
//! leave with one write; nothing waits for more to come. Invariant: once the link is closed, for whatever reason,
//! every call on it has its result.

mod read;
mod slots;

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io,
    net::Shutdown,
    os::unix::net::UnixStream,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use dp_codec::frame;
use monoio::io::{AsyncWriteRentExt, OwnedWriteHalf, Splitable};

use self::slots::{Answer, CallId, Slots};
use crate::{
    call::{Call, CallError, Reply},
    pool::WorkerPool,
    supervisor::FaultReporter,
};

/// What a worker that does not read may cost a core. One frame of the largest size still fits.
const UNWRITTEN_BYTES_MAX: usize = 2 * frame::PAYLOAD_BYTES_MAX;
/// A buffer that grew for one large body is given back.
const KEPT_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// A worker as one core sees it.
#[derive(Debug)]
pub(crate) struct Link {
    worker: u32,
    state: Cell<State>,
    slots: RefCell<Slots>,
    /// Calls that ran into their deadline since the worker last said anything: one that hangs must not look idle.
    overdue: Cell<usize>,
    is_silent: Cell<bool>,
    unwritten: RefCell<Vec<u8>>,
    writer: RefCell<Option<Waker>>,
    /// The same socket: shutting it down ends both tasks, whatever they wait for.
    closer: UnixStream,
    faults: FaultReporter,
    pool: Weak<WorkerPool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The worker finishes what it has.
    Leaving,
    Closed,
}

/// A call that was sent. Dropping it tells the worker to stop.
#[derive(Debug)]
#[must_use = "dropping it cancels the call"]
pub struct Waiting {
    link: Rc<Link>,
    id: CallId,
    over: bool,
}

// === impl Link ===

impl Link {
    pub(crate) fn open(
        worker: u32,
        stream: UnixStream,
        faults: FaultReporter,
        pool: Weak<WorkerPool>,
    ) -> io::Result<Rc<Self>> {
        // io_uring waits by itself and would see EAGAIN otherwise; epoll needs it.
        stream.set_nonblocking(monoio::utils::is_legacy())?;
        let closer = stream.try_clone()?;
        let (read_half, write_half) = monoio::net::UnixStream::from_std(stream)?.into_split();
        let link = Rc::new(Self {
            worker,
            state: Cell::new(State::Open),
            slots: RefCell::default(),
            overdue: Cell::new(0),
            is_silent: Cell::new(false),
            unwritten: RefCell::default(),
            writer: RefCell::default(),
            closer,
            faults,
            pool,
        });
        monoio::spawn(read::run(Rc::clone(&link), read_half));
        monoio::spawn(write(Rc::clone(&link), write_half));
        Ok(link)
    }

    pub(crate) fn worker(&self) -> u32 {
        self.worker
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.get() == State::Open
    }

    /// It does not answer its heartbeat.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent.get()
    }

    pub(crate) fn set_silent(&self, is_silent: bool) {
        self.is_silent.set(is_silent);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.slots.borrow().in_flight()
    }

    /// What the pool compares.
    pub(crate) fn load(&self) -> usize {
        self.in_flight() + self.overdue.get()
    }

    /// Writes the frame into the buffer of this turn.
    pub(crate) fn begin(
        self: &Rc<Self>,
        call: &Call<'_>,
        time_left: Option<Duration>,
        due: u64,
    ) -> Result<Waiting, CallError> {
        if self.unwritten.borrow().len() > UNWRITTEN_BYTES_MAX {
            return Err(CallError::Busy);
        }
        let id = self.slots.borrow_mut().begin(due).ok_or(CallError::Busy)?;
        let deadline_ms = time_left.map_or(0, |left| {
            // 0 would mean none.
            u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1)
        });
        let call = Call {
            deadline_ms,
            ..*call
        };
        let written = frame::encode_call(&mut self.unwritten.borrow_mut(), id.wire(), &call);
        if written.is_err() {
            self.slots.borrow_mut().abandon(id);
            return Err(CallError::TooLarge);
        }
        self.wake_writer();
        Ok(Waiting {
            link: Rc::clone(self),
            id,
            over: false,
        })
    }

    /// Ends the calls that are due at `tick`.
    pub(crate) fn expire(&self, tick: u64) {
        let mut wakers: Vec<Waker> = Vec::new();
        let mut cancelled = 0;
        self.slots.borrow_mut().expire(tick, |id, waker| {
            frame::encode_cancel(&mut self.unwritten.borrow_mut(), id.wire());
            wakers.extend(waker);
            cancelled += 1;
        });
        if cancelled > 0 {
            self.overdue.set(self.overdue.get() + cancelled);
            self.wake_writer();
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// No new calls; the worker ends the socket when it has answered the old ones.
    pub(crate) fn leave(&self) {
        if self.state.get() == State::Open {
            self.state.set(State::Leaving);
        }
    }

    /// The process is gone. What it had answered is still in the socket: the reader takes it and then closes the link.
    pub(crate) fn finish(&self) {
        self.leave();
        // Also ends the wait for a descendant that left the process group and holds a copy of the socket.
        // An error means that the other side was faster.
        self.closer.shutdown(Shutdown::Both).ok();
    }

    /// Everything on it ends now.
    pub(crate) fn close(&self) {
        if self.state.replace(State::Closed) == State::Closed {
            return;
        }
        let wakers = self.slots.borrow_mut().fail_all();
        wakers.into_iter().for_each(Waker::wake);
        self.wake_writer();
        // An error means that the other side was faster.
        self.closer.shutdown(Shutdown::Both).ok();
        if let Some(pool) = self.pool.upgrade() {
            pool.forget(self.worker);
        }
    }

    /// The worker does not keep to the protocol: nothing that it says is believed any more.
    fn fault(&self, reason: &'static str) {
        if self.state.get() == State::Open {
            self.faults.report(reason);
        }
        self.close();
    }

    /// An answer from the socket.
    fn answer(&self, id: CallId, reply: Reply) -> Result<(), &'static str> {
        self.overdue.set(0);
        let answer = self.slots.borrow_mut().answer(id, reply);
        match answer {
            Answer::Delivered(Some(waker)) => waker.wake(),
            Answer::Delivered(None) | Answer::Stale => {}
            Answer::Violation => return Err("it answered a call that it was not asked"),
        }
        Ok(())
    }

    fn cancel(&self, id: CallId) {
        if self.slots.borrow_mut().abandon(id) && self.state.get() != State::Closed {
            frame::encode_cancel(&mut self.unwritten.borrow_mut(), id.wire());
            self.wake_writer();
        }
    }

    fn wake_writer(&self) {
        let waker = self.writer.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until there is something to write; `empty` becomes the next buffer. None once the link is closed.
    async fn next_batch(&self, empty: Vec<u8>) -> Option<Vec<u8>> {
        let mut empty = Some(empty);
        poll_fn(|context| {
            if self.state.get() == State::Closed {
                return Poll::Ready(None);
            }
            if self.unwritten.borrow().is_empty() {
                *self.writer.borrow_mut() = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Some(
                self.unwritten.replace(empty.take().unwrap_or_default()),
            ))
        })
        .await
    }
}

async fn write(link: Rc<Link>, mut half: OwnedWriteHalf<monoio::net::UnixStream>) {
    let mut buffer = Vec::new();
    while let Some(batch) = link.next_batch(buffer).await {
        let (written, mut batch) = half.write_all(batch).await;
        if written.is_err() {
            // The reader sees the end of the socket too, and tells why.
            return;
        }
        batch.clear();
        batch.shrink_to(KEPT_BUFFER_BYTES_MAX);
        buffer = batch;
    }
}

// === impl Waiting ===

impl Waiting {
    /// Which worker has the call, for the log.
    pub fn worker(&self) -> u32 {
        self.link.worker
    }
}

impl Future for Waiting {
    type Output = Result<Reply, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let taken = self.link.slots.borrow_mut().take(self.id, context.waker());
        match taken {
            Some(result) => {
                self.over = true;
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.over {
            self.link.cancel(self.id);
        }
    }
}
