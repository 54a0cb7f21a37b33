"""The worker's side of docs/worker-protocol.md."""

import json
import os
import signal
import struct
import unittest

from harness import (
    CALL, CANCEL, ERROR, LIMIT, PING, REPLY, STOP, Worker, WorkerCase, in_each_mode,
)

GATES = ("gates.py", """
    import threading
    from bascule import Service

    gates, reached = {}, {}

    def gate(name):
        return gates.setdefault(name, threading.Event())

    def mark(name):
        return reached.setdefault(name, threading.Event())

    class Wait(Service):
        def handle(self):
            name = self.request.payload
            mark(name).set()
            try:
                gate(name).wait()
            except BaseException as error:
                mark(name + "-" + type(error).__name__).set()
                raise
            return {"waited": name}

    class Reached(Service):
        def handle(self):
            mark(self.request.payload).wait()
            return {"reached": self.request.payload}

    class Open(Service):
        def handle(self):
            gate(self.request.payload).set()

    class Echo(Service):
        def handle(self):
            self.response.payload = self.request.payload
""")


@in_each_mode
class Conversation(WorkerCase):
    SOURCES = (GATES,)

    def test_hello_says_what_runs(self):
        hello = self.worker.hello
        self.assertEqual((hello["protocol"], hello["pid"]), (1, self.worker.process.pid))
        self.assertTrue(hello["calls"].startswith(self.mode))

    def test_ping_is_answered_with_its_number(self):
        self.assertEqual(self.worker.ping(7), 7)

    def test_ping_is_answered_while_a_call_blocks(self):
        self.worker.start("gates.wait", json_body="ping", core=1)
        self.worker.call("gates.reached", json_body="ping")
        self.assertEqual(self.worker.ping(8), 8)
        self.worker.call("gates.open", json_body="ping")
        self.assertEqual(self.worker.answer(1).json, {"waited": "ping"})

    def test_many_calls_in_one_write_are_all_answered(self):
        ids = {self.worker.start("gates.echo", json_body={"n": n}) for n in range(300)}
        answers = [self.worker.answer() for _ in ids]
        self.assertEqual({answer.id for answer in answers}, ids)
        self.assertEqual({answer.json["n"] for answer in answers}, set(range(300)))

    def test_each_core_gets_its_own_answers(self):
        first = self.worker.start("gates.echo", json_body=["a"], core=0)
        second = self.worker.start("gates.echo", json_body=["b"], core=1)
        self.assertEqual([(first, ["a"]), (second, ["b"])],
                         [(a.id, a.json) for a in (self.worker.answer(0), self.worker.answer(1))])

    def test_a_frame_may_arrive_byte_by_byte(self):
        frames, sent = self.worker.cores[0], []
        real, frames.sock = frames.sock, type("Collect", (), {"sendall": sent.append})
        self.worker.start("gates.echo", json_body=["slow"])
        frames.sock = real
        for byte in sent[0]:
            real.sendall(bytes([byte]))
        self.assertEqual(self.worker.answer().json, ["slow"])

    def test_a_large_body_goes_in_and_out(self):
        text = "ü" * 6_000_000
        body = json.dumps(text, ensure_ascii=False)
        answer = self.worker.call("gates.echo", body=body, data_format=1)
        self.assertEqual(answer.body, body[1:-1].encode())
        self.assertEqual(self.worker.call("gates.echo", json_body=1).json, 1)

    def test_an_unknown_handle_gets_503(self):
        answer = self.worker.call(None, handle=4_000_000_000)
        self.assertEqual((answer.frame_kind, answer.status, answer.raised),
                         (ERROR, 503, "UnknownHandle"))

    def test_a_cancelled_call_answers_nothing(self):
        cancelled = self.worker.start("gates.wait", json_body="gone")
        self.worker.call("gates.reached", json_body="gone", core=1)
        self.worker.cores[0].send(CANCEL, call_id=cancelled)
        if self.mode == "gevent":
            self.worker.call("gates.reached", json_body="gone-CallCancelled", core=1)
        else:
            # The frame has been read once a later one on the same socket is answered.
            self.worker.call("gates.echo", json_body="after")
        self.worker.call("gates.open", json_body="gone", core=1)
        self.assertEqual(self.worker.call("gates.echo", json_body=["next"]).json, ["next"])
        self.assertTrue(self.worker.cores[0].nothing_waits())

    def test_a_cancel_for_a_finished_call_is_ignored(self):
        done = self.worker.call("gates.echo", json_body=1)
        self.worker.cores[0].send(CANCEL, call_id=done.id)
        self.assertEqual(self.worker.call("gates.echo", json_body=2).json, 2)

    def test_more_blocked_calls_than_first_threads_do_not_stop_others(self):
        for number in range(20):
            self.worker.start("gates.wait", json_body=f"b{number}", core=1)
        for number in range(20):
            self.worker.call("gates.reached", json_body=f"b{number}")
            self.worker.call("gates.open", json_body=f"b{number}")
        waited = {self.worker.answer(1).json["waited"] for _ in range(20)}
        self.assertEqual(waited, {f"b{number}" for number in range(20)})


@in_each_mode
class Ends:
    """Each test ends its worker."""

    def setUp(self):
        self.worker = Worker(self.mode)
        self.worker.deploy(GATES)
        self.addCleanup(self.worker.close)

    def ended(self):
        return self.worker.process.wait(LIMIT)

    def blocked(self):
        self.worker.start("gates.wait", json_body="last", core=1)
        self.worker.call("gates.reached", json_body="last")

    def test_stop_finishes_what_runs_and_exits_0(self):
        self.blocked()
        self.worker.control.send(STOP, b"{}")
        self.worker.ping()
        self.worker.start("gates.open", json_body="last")
        self.assertEqual(self.worker.answer(1).json, {"waited": "last"})
        self.assertEqual(self.ended(), 0)

    def test_calls_that_had_arrived_before_stop_are_served(self):
        ids = {self.worker.start("gates.echo", json_body=[n], core=n % 2) for n in range(40)}
        self.worker.control.send(STOP, b"{}")
        answers = [self.worker.answer(n % 2) for n in range(40)]
        self.assertEqual({answer.id for answer in answers}, ids)
        self.assertEqual(self.ended(), 0)

    def test_sigterm_finishes_what_runs_and_exits_0(self):
        self.blocked()
        os.kill(self.worker.process.pid, signal.SIGTERM)
        self.worker.ping()
        self.worker.start("gates.open", json_body="last")
        self.assertEqual(self.worker.answer(1).json, {"waited": "last"})
        self.assertEqual(self.ended(), 0)

    def test_stop_without_calls_exits_0(self):
        self.worker.control.send(STOP, b"{}")
        self.assertEqual(self.ended(), 0)

    def test_the_end_of_the_control_socket_ends_a_busy_worker(self):
        self.blocked()
        self.worker.control.sock.close()
        self.assertEqual(self.ended(), 0)

    def test_ctrl_c_is_left_to_the_node(self):
        os.kill(self.worker.process.pid, signal.SIGINT)
        self.assertEqual(self.worker.ping(3), 3)

    def broken(self, data):
        self.worker.cores[0].sock.sendall(data)
        self.assertIsNone(self.worker.cores[0].receive())
        self.assertEqual(self.worker.ping(4), 4)
        self.assertIn("protocol error", self.worker.logs()[-1]["msg"])

    def test_an_unknown_kind_closes_the_socket(self):
        self.broken(struct.pack("<IBBHI", 0, 99, 0, 0, 1))

    def test_a_length_over_the_limit_closes_the_socket(self):
        self.broken(struct.pack("<IBBHI", 64 * 1024 * 1024 + 1, CALL, 0, 0, 1))

    def test_lengths_that_do_not_add_up_close_the_socket(self):
        head = struct.pack("<IIBBBBHHHHHHII", 1, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0)
        self.broken(struct.pack("<IBBHI", 32, CALL, 0, 0, 1) + head)

    def test_a_control_frame_that_is_no_json_ends_the_worker(self):
        self.worker.control.send(PING + 2, b"")
        self.assertEqual(self.worker.process.wait(LIMIT), 0)

    def test_a_core_that_goes_away_leaves_the_others(self):
        self.worker.cores[0].sock.close()
        self.assertEqual(self.worker.call("gates.echo", json_body=5, core=1).json, 5)


@in_each_mode
class SlowReader(WorkerCase):
    SOURCES = (GATES,)

    def test_answers_wait_for_a_core_that_does_not_read(self):
        body = json.dumps({"text": "x" * 100_000})
        ids = [self.worker.start("gates.echo", body=body, data_format=1) for _ in range(40)]
        self.assertEqual(self.worker.call("gates.echo", json_body=1, core=1).json, 1)
        answers = [self.worker.answer() for _ in ids]
        self.assertEqual({a.frame_kind for a in answers}, {REPLY})
        self.assertEqual({a.id for a in answers}, set(ids))


del WorkerCase, Conversation, Ends, SlowReader
if __name__ == "__main__":
    unittest.main()
