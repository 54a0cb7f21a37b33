"""Large answers and slow readers: linear work, bounded memory, small answers first."""

import json
import socket
import unittest

import harness  # noqa: F401 - puts the package on the path
from bascule._worker import outbox as module
from bascule._worker.outbox import Outbox
from harness import CANCEL, Worker, in_each_mode

MIB = 1024 * 1024


class Socket:
    """Takes `room` bytes, then blocks; keeps what it got and how."""

    def __init__(self, room=0):
        self.room, self.got, self.writes, self.offered_most = room, [], 0, 0

    def send(self, data):
        return self.sendmsg([data])

    def sendmsg(self, pieces):
        self.writes += 1
        self.offered_most = max(self.offered_most, len(pieces))
        if not self.room:
            raise BlockingIOError
        taken = 0
        for piece in pieces:
            part = memoryview(piece)[: self.room]
            self.got.append(part)
            self.room -= len(part)
            taken += len(part)
        return taken

    @property
    def data(self):
        return b"".join(self.got)


def drain(outbox, sock, room):
    """Gives the socket room until nothing is left; returns the rounds."""
    rounds = 0
    while outbox:
        sock.room = room
        outbox.write(sock)
        rounds += 1
    return rounds


class Outboxes(unittest.TestCase):
    def test_no_byte_of_a_large_frame_is_copied(self):
        frames = [bytes([number]) * (4 * MIB) for number in range(30)]
        outbox, sock = Outbox(), Socket()
        for frame in frames:
            outbox.put(frame)
        rounds = drain(outbox, sock, 200_000)
        self.assertEqual(rounds, -(-120 * MIB // 200_000))
        originals = {id(frame) for frame in frames}
        self.assertTrue(all(id(part.obj) in originals for part in sock.got))
        self.assertEqual(sum(map(len, sock.got)), 120 * MIB)
        # Each write that goes on leaves one view, each round one refusal at most.
        self.assertLess(sock.writes, 2 * rounds + 4 * len(frames))

    def test_what_may_be_pending_is_bounded_and_full_says_so(self):
        outbox, sock = Outbox(), Socket()
        for _ in range(30):
            outbox.put(b"x" * (4 * MIB))
            outbox.write(sock)
            self.assertLessEqual(outbox.pending, module.WINDOW_BYTES + 4 * MIB)
            self.assertEqual(outbox.full, outbox.held > module.HELD_BYTES_MAX)
        self.assertTrue(outbox.full)
        while outbox.full:
            sock.room = MIB
            outbox.write(sock)
            self.assertLessEqual(outbox.pending, module.WINDOW_BYTES + 4 * MIB)
        self.assertEqual(outbox.held, module.HELD_BYTES_MAX // 2)
        drain(outbox, sock, 7 * MIB)
        self.assertEqual((outbox.held, outbox.pending, bool(outbox)), (0, 0, False))

    def test_small_frames_leave_joined_and_before_large_ones_that_wait(self):
        outbox, sock = Outbox(), Socket(1 << 30)
        for number in range(64):
            outbox.put(b"%04d" % number)
        self.assertTrue(outbox.write(sock))
        self.assertEqual((sock.writes, len(sock.data)), (1, 256))
        outbox, sock = Outbox(), Socket()
        for _ in range(3):
            outbox.put(b"L" * (2 * MIB))
        outbox.write(sock)
        outbox.put(b"s" * 10)
        drain(outbox, sock, MIB)
        self.assertEqual(sock.data.index(b"s" * 10), 2 * MIB)

    def test_small_frames_wait_in_line_once_many_have_passed(self):
        outbox, sock = Outbox(), Socket()
        for _ in range(3):
            outbox.put(b"L" * (4 * MIB))
        outbox.write(sock)
        for _ in range(module.WINDOW_BYTES // 10_000 + 1):
            outbox.put(b"s" * 10_000)
            outbox.count()
        outbox.put(b"late")
        outbox.count()
        self.assertLess(outbox.pending, 4 * MIB + module.WINDOW_BYTES + 10_000)
        drain(outbox, sock, MIB)
        self.assertTrue(sock.data.endswith(b"L" * 10 + b"late"))
        self.assertLess(sock.data.rindex(b"s" * 10), 6 * MIB)
        self.assertLessEqual(sock.offered_most, 64)

    def test_a_cancelled_answer_that_waits_is_taken_back(self):
        outbox, sock = Outbox(), Socket()
        for call_id in range(3):
            outbox.put(b"%d" % call_id * (2 * MIB), call_id)
        outbox.drop(1)
        outbox.drop(0)
        outbox.drop(9)
        drain(outbox, sock, MIB)
        self.assertEqual(sock.data, b"0" * (2 * MIB) + b"2" * (2 * MIB))

    def test_a_real_socket_gets_every_byte_in_order(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        ours.setblocking(False)
        outbox, got = Outbox(), bytearray()
        frames = [bytes([number % 251]) * (1 + number * 997 % 60_000) for number in range(400)]
        for frame in frames:
            outbox.put(frame)
        while not outbox.write(ours):
            got += theirs.recv(1 << 16)
        ours.shutdown(socket.SHUT_WR)
        while data := theirs.recv(1 << 16):
            got += data
        self.assertEqual(len(got), sum(map(len, frames)))
        for number in {frame[0] for frame in frames}:
            wanted = sum(len(frame) for frame in frames if frame[0] == number)
            self.assertEqual(got.count(bytes([number])), wanted)


SOURCE = ("large.py", """
    import sys
    from bascule import Service

    started = 0
    class Big(Service):
        def handle(self):
            global started
            started += 1
            return "x" * (4 << 20)
    class Small(Service):
        def handle(self):
            return {"small": True}
    class State(Service):
        def handle(self):
            name = "bascule._worker."
            if name + "greenlets" in sys.modules:
                links = sys.modules[name + "greenlets"].loop.cores
            else:
                import gc
                links = [one for one in gc.get_objects() if type(one).__name__ == "Link"]
            boxes = [link.outbox for link in links]
            return {"started": started, "held": max(box.held for box in boxes),
                    "pending": max(box.pending for box in boxes),
                    "full": any(box.full for box in boxes)}
""")
CALLS = 60


@in_each_mode
class SlowReader:
    def setUp(self):
        self.worker = Worker(self.mode, {"BASCULE_WORKER_THREADS": "8"})
        self.addCleanup(self.worker.close)
        self.worker.deploy(SOURCE)

    def state(self):
        """What a call on the other core sees: it is answered whatever the first one does."""
        return self.worker.call("large.state", core=1).json

    def full(self):
        """The state once the core that does not read holds all it may."""
        while not (state := self.state())["full"]:
            pass
        # Answers of calls that had started may still come.
        while (later := self.state()) != state:
            state = later
        return state

    def test_a_core_that_does_not_read_holds_a_bounded_number_of_bytes(self):
        wanted = {self.worker.start("large.big") for _ in range(CALLS)}
        state = self.full()
        self.assertLess(state["started"], CALLS)
        self.assertLessEqual(state["pending"], module.WINDOW_BYTES + 5 * MIB)
        # Beyond the bound go only the answers of calls that were running when it was reached.
        self.assertLessEqual(state["held"], module.HELD_BYTES_MAX + 9 * 5 * MIB)
        self.assertEqual(self.worker.ping(3), 3)
        self.assertEqual({self.large_answer() for _ in range(CALLS)}, wanted)
        self.assertEqual(self.worker.call("large.small").json, {"small": True})
        self.assertEqual(self.state(), {"started": CALLS, "held": 0, "pending": 0, "full": False})

    def test_a_core_that_goes_away_frees_what_waited_for_it(self):
        for _ in range(CALLS):
            self.worker.start("large.big")
        self.full()
        self.worker.cores[0].sock.close()
        while (state := self.state())["held"]:
            pass
        self.assertFalse(state["full"])
        self.assertLess(state["started"], CALLS)

    def test_stop_ends_after_every_held_call_is_answered(self):
        wanted = {self.worker.start("large.big") for _ in range(CALLS)}
        self.full()
        self.worker.control.send(harness.STOP, json.dumps({}).encode())
        self.assertEqual({self.large_answer() for _ in range(CALLS)}, wanted)
        self.assertEqual(self.worker.process.wait(harness.LIMIT), 0)

    def test_cancels_of_calls_that_wait_leave_the_core_usable(self):
        calls = [self.worker.start("large.big") for _ in range(CALLS)]
        self.full()
        for call_id in calls:
            self.worker.cores[0].send(CANCEL, call_id=call_id)
        marker = self.worker.start("large.small")
        answered = []
        while not answered or answered[-1] != marker:
            answered.append(self.large_answer())
        self.assertEqual(len(set(answered)), len(answered))
        self.assertEqual(self.worker.call("large.state", core=1).json["full"], False)

    def large_answer(self):
        """The id of the next answer, read without joining it."""
        frames, sock = self.worker.cores[0], self.worker.cores[0].sock
        assert not frames.buffer
        sock.settimeout(harness.LIMIT)
        head = sock.recv(12, socket.MSG_WAITALL)
        left = int.from_bytes(head[:4], "little")
        while left:
            left -= len(sock.recv(min(left, 1 << 18)))
        return int.from_bytes(head[8:], "little")


del SlowReader
if __name__ == "__main__":
    unittest.main()
