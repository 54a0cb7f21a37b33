"""Many calls of every kind at once: each gets exactly one answer, its own."""

import os
import random
import unittest

from harness import CANCEL, LIMIT, STOP, Worker, in_each_mode

SOURCE = ("storm.py", """
    import time
    from bascule import NotFound, Service

    class Echo(Service):
        def handle(self):
            return {"n": self.request.payload["n"]}
    class Pauses(Service):
        def handle(self):
            time.sleep(self.request.payload["n"] % 7 / 10000)
            return {"n": self.request.payload["n"]}
    class Raises(Service):
        def handle(self):
            if self.request.payload["n"] % 2:
                raise NotFound(self.cid, str(self.request.payload["n"]))
            time.sleep(0)
            raise ValueError(self.request.payload["n"])
    class Invokes(Service):
        def handle(self):
            return self.invoke("storm.pauses", self.request.payload, timeout=30)
""")
KINDS = ("storm.echo", "storm.pauses", "storm.raises", "storm.invokes")
CALLS = 1500


@in_each_mode
class Storm:
    def test_each_call_gets_its_own_answer_once(self):
        seed = int(os.environ.get("STORM_SEED") or random.SystemRandom().randrange(10**6))
        chance = random.Random(seed)
        with self.subTest(seed=seed):
            self.storm(chance)

    def storm(self, chance):
        worker = Worker(self.mode)
        self.addCleanup(worker.close)
        worker.deploy(SOURCE)
        sent, cancelled, answered = {}, set(), {}
        while len(sent) < CALLS:
            for _ in range(chance.randrange(1, 60)):
                number, kind = len(sent), chance.choice(KINDS)
                call_id = worker.start(kind, json_body={"n": number}, cid=f"c{number}")
                sent[call_id] = (kind, number)
                if chance.random() < 0.1:
                    victim = chance.choice(list(sent)[-20:])
                    worker.cores[0].send(CANCEL, call_id=victim)
                    cancelled.add(victim)
            while not worker.cores[0].nothing_waits():
                self.take(worker, answered)
        while not answered.keys() | cancelled >= sent.keys():
            self.take(worker, answered)
        for call_id, answer in answered.items():
            kind, number = sent[call_id]
            if kind != "storm.raises":
                self.assertEqual((answer.status, answer.json), (200, {"n": number}))
            else:
                self.assertEqual(answer.status, 404 if number % 2 else 500)
                self.assertEqual(answer.json["cid"], f"c{number}")
        worker.control.send(STOP, b"{}")
        self.assertEqual(worker.process.wait(LIMIT), 0)
        while (frame := worker.cores[0].receive()) is not None:
            self.assertIn(frame[1], cancelled)

    def take(self, worker, answered):
        answer = worker.answer()
        self.assertNotIn(answer.id, answered)
        answered[answer.id] = answer


del Storm
if __name__ == "__main__":
    unittest.main()
