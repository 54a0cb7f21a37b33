"""`python -m bascule._worker`: starts and stops, nothing else."""

import os
import sys


def _patch():
    """gevent, when it is there and wanted, before anything else imports sockets or threads."""
    wanted = os.environ.get("BASCULE_WORKER_CALLS", "auto")
    if wanted == "threads":
        return False
    try:
        from gevent import monkey
    except ImportError:
        if wanted == "gevent":
            sys.exit("bascule worker: BASCULE_WORKER_CALLS=gevent, but gevent cannot be imported")
        return False
    monkey.patch_all()
    return True


def _arguments():
    import argparse

    parser = argparse.ArgumentParser(prog="python -m bascule._worker")
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--core-fds", required=True, help="comma-separated")
    given = parser.parse_args()
    return given.control_fd, [int(fd) for fd in given.core_fds.split(",") if fd]


def _keep_to_this_process(fds):
    """Children of services must not hold, or speak on, the worker's sockets."""
    for fd in fds:
        os.set_inheritable(fd, False)

    def in_child():
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in fds:
            os.dup2(nothing, fd, inheritable=False)
        os.close(nothing)

    os.register_at_fork(after_in_child=in_child)


def main():
    """Runs the loop until the node ends it."""
    greenlets = _patch()
    control_fd, core_fds = _arguments()

    import atexit
    import gc
    import signal

    from bascule import logs

    from .registry import Registry

    if greenlets:
        from .greenlets import loop, running_call
    else:
        from .threads import ThreadLoop, running_call

        loop = ThreadLoop()
    # Ctrl-C in a terminal reaches the whole group; the node decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Standard output is not ours (the node's access log): what a service prints is a log record.
    os.dup2(2, 1)
    _keep_to_this_process([control_fd, *core_fds])
    logs.install(running_call)
    gc.collect()
    gc.freeze()
    status = loop.run(Registry(), control_fd, core_fds)
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Threads that services have left running must not keep a finished worker alive.
        os._exit(status)


main()
