//! Ctrl-C: the first ends the load and lets its result be printed, the second ends the program.
//! It owns the signal's thread. Invariant: once [`listen`] has returned, no Ctrl-C is lost.

use std::io;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// As shells name a program that SIGINT ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// True from the first Ctrl-C on.
pub(crate) fn listen() -> io::Result<Arc<AtomicBool>> {
    let is_asked = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let mut interrupts = {
        let _inside = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    let asked = Arc::clone(&is_asked);
    let listen = async move {
        interrupts.recv().await;
        asked.store(true, Ordering::Relaxed);
        interrupts.recv().await;
        exit(INTERRUPTED.into());
    };
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || runtime.block_on(listen))?;
    Ok(is_asked)
}
