"""What services do to a worker, and what it survives."""

import os
import unittest

from harness import LIMIT, Worker, WorkerCase, in_each_mode

SOURCE = ("faults.py", """
    import os, subprocess, sys, threading
    from bascule import BadRequest, Service

    class Echo(Service):
        def handle(self):
            self.response.payload = self.request.payload
    class Forks(Service):
        def handle(self):
            child = os.fork()
            if child == 0:
                return {"child": True}
            return {"status": os.waitpid(child, 0)[1]}
    class Subprocess(Service):
        def handle(self):
            holder = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
            # An echo shows that the loader, which opens and closes files of its own, is done.
            holder.stdin.write(b"x")
            holder.stdin.flush()
            holder.stdout.read(1)
            sockets = [os.readlink(f"/proc/{holder.pid}/fd/{fd}")
                       for fd in os.listdir(f"/proc/{holder.pid}/fd")]
            holder.communicate()
            return {"sockets": [name for name in sockets if name.startswith("socket:")]}
    class Recurses(Service):
        def handle(self):
            return self.handle()
    class Chatty(Service):
        def handle(self):
            for number in range(3000):
                self.logger.info("x" * 200, number=number)
    class Killed(Service):
        def handle(self):
            os._exit(9)
    class Long(Service):
        def handle(self):
            kind = self.request.payload
            long = "x" * ((90 if kind in ("message", "details") else 20) << 20)
            if kind == "message":
                raise ValueError(long)
            if kind == "details":
                raise BadRequest(self.cid, long)
            if kind == "list":
                raise BadRequest(self.cid, [long])
            if kind == "headers":
                raise BadRequest(self.cid, "no", headers={"X-Long": long})
            if kind == "name":
                raise type("\u00e9" * 70000, (Exception,), {})
            self.response.payload = "ok"
            if kind == "content type":
                self.response.content_type = long
            else:
                self.response.headers["X-Long"] = long
    class Thrown(Service):
        def handle(self):
            def stray():
                sys.exit(5)
            thread = threading.Thread(target=stray)
            thread.start()
            thread.join()
""")


@in_each_mode
class Faults(WorkerCase):
    SOURCES = (SOURCE,)

    def alive(self):
        self.assertEqual(self.worker.call("faults.echo", json_body=[1]).json, [1])
        self.assertEqual(self.worker.ping(9), 9)

    def test_a_forked_child_speaks_on_none_of_our_sockets(self):
        answer = self.worker.call("faults.forks")
        self.assertIn("status", answer.json)
        self.alive()
        self.assertTrue(self.worker.cores[0].nothing_waits())

    def test_processes_of_services_inherit_no_socket(self):
        self.assertEqual(self.worker.call("faults.subprocess").json, {"sockets": []})

    def test_what_an_error_says_fits_a_frame_whatever_its_length(self):
        for kind, status in (("message", 500), ("details", 400), ("list", 400), ("headers", 500),
                             ("name", 500), ("content type", 500), ("reply headers", 500)):
            with self.subTest(kind):
                answer = self.worker.call("faults.long", json_body=kind)
                self.assertEqual(answer.status, status)
                self.assertLess(len(answer.body), 70000)
                self.assertLess(len(answer.traceback), 70000)
                self.assertLess(len(answer.raised), 70)
        self.alive()

    def test_endless_recursion_fails_its_call_only(self):
        self.assertEqual(self.worker.call("faults.recurses").raised, "RecursionError")
        self.alive()

    def test_sys_exit_in_a_stray_thread_ends_nothing(self):
        self.assertEqual(self.worker.call("faults.thrown").status, 200)
        self.alive()


@in_each_mode
class Ends:
    def test_a_process_that_exits_is_seen_as_end_of_file(self):
        worker = Worker(self.mode)
        self.addCleanup(worker.close)
        worker.deploy(SOURCE)
        worker.start("faults.killed")
        self.assertIsNone(worker.cores[0].receive())
        self.assertEqual(worker.process.wait(LIMIT), 9)

    def test_a_reader_of_logs_that_does_not_read_blocks_nothing(self):
        read, write = os.pipe()
        worker = Worker(self.mode, stderr=write)
        self.addCleanup(worker.close)
        self.addCleanup(os.close, read)
        os.close(write)
        worker.deploy(SOURCE)
        self.assertEqual(worker.call("faults.chatty").status, 200)
        self.assertEqual(worker.call("faults.echo", json_body=[2]).json, [2])
        while len(os.read(read, 1 << 16)) == 1 << 16:
            pass
        worker.call("faults.chatty")
        self.assertIn(b'"dropped":', os.read(read, 1 << 16))


del WorkerCase, Faults, Ends
if __name__ == "__main__":
    unittest.main()
