"""Every example answers as its README says."""

import importlib.util
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import EXAMPLES, WorkerCase, in_each_mode

_spec = importlib.util.spec_from_file_location("backends", EXAMPLES / "facade/backends/serve.py")
backends = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(backends)


def source(name):
    return (f"{name}.py", (EXAMPLES / name / f"{name}.py").read_bytes())


def readme_answers(name):
    """The lines of JSON that a README shows as answers."""
    lines = (EXAMPLES / name / "README.md").read_text().splitlines()
    return [line for line in lines if line.startswith("{") and line.endswith("}")]


ORDER = {
    "customer": {"email": "Ada@example.com"}, "currency": "EUR", "ordered_on": "2026-11-22",
    "deliver_on": "2026-11-23",
    "lines": [{"sku": "pen", "price": "1.50", "quantity": 4}, {"sku": "ink", "price": 7.25}],
}


@in_each_mode
class Examples(WorkerCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = backends.serve()
        cls.data = tempfile.TemporaryDirectory()
        for path in (EXAMPLES / "report/data").iterdir():
            if path.is_file():
                shutil.copy(path, cls.data.name)
        crm, billing = (f"http://127.0.0.1:{s.server_address[1]}" for s in cls.servers)
        cls.ENV = {"FACADE_CRM_URL": crm, "FACADE_BILLING_URL": billing,
                   "REPORT_FOLDER": cls.data.name}
        super().setUpClass()
        for name in ("hello", "facade", "xml_bridge", "report", "orders"):
            cls.worker.deploy(source(name))

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for server in cls.servers:
            server.shutdown()
            server.server_close()
        cls.data.cleanup()

    def check(self, answer, status, text):
        self.assertEqual((answer.status, answer.text.replace('"cid":"cid-1"', '"cid":"…"')),
                         (status, text))

    def details(self, answer, status, details):
        self.assertEqual((answer.status, answer.json["details"]), (status, details))

    def test_hello_greets_from_query_path_and_body(self):
        world, ada, grace, alan, broken = readme_answers("hello")
        self.check(self.worker.call("hello.greet", "GET", data_format=1), 200, world)
        self.check(self.worker.call("hello.greet", "GET", query="name=Ada", data_format=1), 200,
                   ada)
        self.check(self.worker.call("hello.greet", "GET", params={"name": "Grace Hopper"},
                                    data_format=1), 200, grace)
        self.check(self.worker.call("hello.greet", json_body={"name": "Alan"}), 200, alan)
        self.check(self.worker.call("hello.greet", body='{"name":', data_format=1), 400, broken)

    def facade(self, customer_id):
        return self.worker.call("facade.customer", "GET", params={"customer_id": customer_id},
                                data_format=1)

    def test_facade_merges_two_backends(self):
        _backends, ada, alan = readme_answers("facade")
        self.check(self.facade("7"), 200, ada)
        self.check(self.facade("8"), 200, alan)

    def test_facade_names_what_is_wrong(self):
        self.details(self.facade("99"), 404, "There is no customer 99")
        self.details(self.facade("abc"), 400,
                     "Element invalid: /customer_id (must be a whole number)")

    def test_facade_says_which_backend_is_down(self):
        billing = backends.ThreadingHTTPServer(("127.0.0.1", 0), backends.Billing)
        closed = f"http://127.0.0.1:{billing.server_address[1]}"
        billing.server_close()
        self.worker.deploy(("setting.py", """
            import os
            from bascule import Service
            class Set(Service):
                def handle(self):
                    os.environ.update(self.request.payload)
        """))
        self.worker.call("setting.set", json_body={"FACADE_BILLING_URL": closed})
        answer = self.facade("7")
        self.worker.call("setting.set",
                         json_body={"FACADE_BILLING_URL": self.ENV["FACADE_BILLING_URL"]})
        self.details(answer, 503, "Billing is not available")
        self.assertEqual(answer.header["Retry-After"], "5")

    def xml(self, body, method="POST"):
        return self.worker.call("xml-bridge.convert", method, body=body)

    def test_xml_becomes_json(self):
        order, mismatched, doctype = readme_answers("xml_bridge")
        self.check(self.xml('<order id="17"><item sku="A">Pen</item><item sku="B">Ink</item>'
                            "<note>Hello</note></order>"), 200, order)
        self.check(self.xml("<a><b></a>"), 400, mismatched)
        self.check(self.xml('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'),
                   400, doctype)

    def test_xml_bombs_are_refused(self):
        self.details(self.xml('<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'), 400,
                     "A document type is not allowed")
        self.details(self.xml("<a>" * 100), 400, "Elements are nested deeper than 64")
        self.details(self.xml(" "), 400, "There is no XML in the request")
        refused = self.xml("", "GET")
        self.assertEqual((refused.status, refused.header["Allow"]), (405, "POST"))

    def test_report_reads_its_folder_and_writes_a_summary(self):
        nightly, sales, wrong = readme_answers("report")
        for _ in range(2):
            self.check(self.worker.call("report.nightly", json_body={}), 200, nightly)
        written = Path(self.data.name, "summary", "nightly.json")
        self.assertEqual(json.loads(written.read_text()), json.loads(nightly))
        self.assertEqual(len(list(written.parent.iterdir())), 1)
        row = {"region": "north", "product": "pen", "quantity": 2, "price": "1.25"}
        self.check(self.worker.call("report.sales", json_body={"rows": [row]}), 200, sales)
        del row["quantity"]
        self.check(self.worker.call("report.sales", json_body={"rows": [row]}), 400, wrong)
        self.details(self.worker.call("report.nightly", json_body={"name": "../x"}), 400,
                     "A name has letters, digits and hyphens only")

    def order(self, **changes):
        return self.worker.call("orders.check", json_body={**ORDER, **changes})

    def test_an_order_is_priced(self):
        self.check(self.order(), 201, readme_answers("orders")[0])

    def test_a_wrong_order_is_refused_by_name(self):
        pen, ink = ORDER["lines"]
        many = {**pen, "quantity": "many"}
        self.details(self.order(customer={}), 400, "Element missing: /customer/email")
        self.details(self.order(lines=[pen, {"sku": "ink"}]), 400,
                     "Element missing: /lines[1]/price")
        self.details(self.order(lines=[many, ink]), 400,
                     "Element invalid: /lines[0]/quantity (must be a whole number)")
        self.details(self.order(currency="XYZ"), 400,
                     "Element invalid: /currency (must be one of EUR, GBP, USD)")
        self.details(self.order(deliver_on="2026-11-01"), 400,
                     "deliver_on is before ordered_on")
        self.details(self.order(lines=[]), 400, "An order has 1 to 100 lines")
        self.details(self.order(lines=[pen, pen]), 409, "pen is ordered twice")
        self.details(self.worker.call("orders.check", body='{"customer":', data_format=1), 400,
                     "Invalid JSON: Expecting value at line 1 column 13")


del WorkerCase, Examples
if __name__ == "__main__":
    unittest.main()
