"""Calls that do not end when nobody waits for them any more: threads cannot be stopped, so the worker says it."""

import os
import tempfile
import time
import unittest

from harness import CANCEL, LIMIT, STOP, Worker

SOURCE = ("stuck.py", """
    import threading
    from bascule import Service

    class Echo(Service):
        def handle(self):
            return self.request.payload
    class Waits(Service):
        def handle(self):
            # Until somebody opens the other end of the pipe and closes it.
            with open(self.request.payload) as pipe:
                pipe.read()
    class Threads(Service):
        def handle(self):
            return [thread.name for thread in threading.enumerate()].count("bascule-call")
""")


class Stuck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pipe, *self.others = (os.path.join(folder.name, name) for name in "abcdefghijklmnop")
        for pipe in (self.pipe, *self.others):
            os.mkfifo(pipe)

    def worker(self, **env):
        worker = Worker("threads", env)
        self.addCleanup(worker.close)
        worker.deploy(SOURCE)
        return worker

    def until_stuck(self, worker, calls):
        number = 1
        while worker.pong(number).get("stuck", 0) != calls:
            number += 1

    def test_a_call_that_goes_on_after_its_cancellation_is_told(self):
        worker = self.worker(BASCULE_WORKER_STUCK_SECONDS="0")
        self.assertNotIn("stuck", worker.pong())
        call_id = worker.start("stuck.waits", json_body=self.pipe)
        # The service has opened its end when ours opens.
        with open(self.pipe, "w"):
            worker.cores[0].send(CANCEL, call_id=call_id)
            self.until_stuck(worker, 1)
            told = [line for line in worker.logs() if "asks to be replaced" in line["msg"]]
            self.assertEqual([line["services"] for line in told], [["stuck.waits"]])
        self.until_stuck(worker, 0)
        self.assertEqual(worker.call("stuck.echo", json_body=[1]).json, [1])

    def test_a_call_is_not_stuck_before_its_time(self):
        worker = self.worker()
        call_id = worker.start("stuck.waits", json_body=self.pipe)
        with open(self.pipe, "w"):
            worker.cores[0].send(CANCEL, call_id=call_id)
            self.assertEqual(worker.call("stuck.echo", json_body=[1]).json, [1])
            self.assertNotIn("stuck", worker.pong())

    def hang(self, worker, pipes):
        """Calls that run, each in its thread, and are cancelled; they end with the files that are given back."""
        waiting = []
        for pipe in pipes:
            call_id = worker.start("stuck.waits", json_body=pipe)
            waiting.append(open(pipe, "w"))
            self.addCleanup(waiting[-1].close)
            worker.cores[0].send(CANCEL, call_id=call_id)
        return waiting

    def test_when_no_thread_is_left_it_is_told_at_once(self):
        worker = self.worker(BASCULE_WORKER_THREADS="1")
        # Four is the most for one thread; these take them all.
        waiting = self.hang(worker, [self.pipe, *self.others][:4])
        worker.start("stuck.echo", json_body=[1])
        self.until_stuck(worker, 4)
        for pipe in waiting:
            pipe.close()
        self.assertEqual(worker.answer().json, [1])

    def test_a_worker_that_stands_still_refuses_what_waits_when_it_is_to_end(self):
        worker = self.worker(BASCULE_WORKER_THREADS="4")
        waiting = self.hang(worker, [self.pipe, *self.others])
        # These get no thread any more.
        for _ in range(4):
            worker.cores[0].send(CANCEL, call_id=worker.start("stuck.waits", json_body=self.pipe))
        call_id = worker.start("stuck.echo", json_body=[1])
        self.until_stuck(worker, 16)
        told = [line for line in worker.logs() if "asks to be replaced" in line["msg"]]
        self.assertEqual([(line["services"], line["calls"]) for line in told], [(["stuck.waits"], 16)])
        worker.control.send(STOP, b"{}")
        answer = worker.answer()
        self.assertEqual((answer.id, answer.status, answer.header["Retry-After"]), (call_id, 503, "1"))
        for pipe in waiting:
            pipe.close()
        self.assertEqual(worker.process.wait(LIMIT), 0)

    def test_one_thread_is_one_thread(self):
        self.assertEqual(self.worker(BASCULE_WORKER_THREADS="1").call("stuck.threads").json, 1)

    def test_the_threads_of_cancelled_calls_leave_when_these_end(self):
        worker = self.worker(BASCULE_WORKER_THREADS="1", BASCULE_WORKER_STUCK_SECONDS="0")
        waiting = self.hang(worker, self.others[:3])
        self.until_stuck(worker, 3)
        for pipe in waiting:
            pipe.close()
        # The thread that has ended its call leaves a moment later.
        end, left = time.monotonic() + LIMIT, 0
        while left != 1 and time.monotonic() < end:
            left = worker.call("stuck.threads").json
        self.assertEqual(left, 1)


if __name__ == "__main__":
    unittest.main()
