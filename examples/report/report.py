"""A scheduled-style report: sales by region and product, from files in a folder or from the caller.

REPORT_FOLDER names the folder: every `*.csv` and `*.json` in it is read, and `summary/NAME.json` is
written. Running it again over the same files writes the same summary.
"""

import csv
import io
import json
import os
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path

from zato.common.exception import BadRequest, ServiceUnavailable
from zato.server.service import DictList, Service

FILE_BYTES_MAX = 64 * 1024 * 1024


class Sales(Service):
    """Aggregates rows of region, product, quantity and price."""

    input = DictList("-rows"), "-csv"

    def handle(self):
        rows = self.request.input.rows
        if rows is None and self.request.input.csv:
            rows = list(csv.DictReader(io.StringIO(self.request.input.csv)))
        if rows is None:
            raise BadRequest(self.cid, "Give rows or csv")
        self.response.payload = self.summary(rows)

    def summary(self, rows):
        regions, products, total = {}, {}, Decimal(0)
        for number, row in enumerate(rows, 1):
            try:
                amount = int(row["quantity"]) * Decimal(str(row["price"]))
                region, product = str(row["region"]), str(row["product"])
            except KeyError as error:
                raise BadRequest(self.cid, f"Row {number} has no {error.args[0]}") from None
            except (ValueError, TypeError, InvalidOperation):
                raise BadRequest(self.cid, f"Row {number} has a wrong number") from None
            regions[region] = regions.get(region, Decimal(0)) + amount
            products[product] = products.get(product, Decimal(0)) + amount
            total += amount
        best = max(sorted(products), key=products.get) if products else None
        return {
            "rows": len(rows),
            "total": f"{total:.2f}",
            "by_region": {name: f"{regions[name]:.2f}" for name in sorted(regions)},
            "best_product": best,
        }


class Nightly(Service):
    """What a scheduler calls: reads the folder, invokes `report.sales`, writes the summary."""

    input = "-name"

    def handle_POST(self):
        folder = os.environ.get("REPORT_FOLDER")
        if not folder or not Path(folder).is_dir():
            raise ServiceUnavailable(self.cid, "REPORT_FOLDER is not a folder")
        name = self.request.input.name or "nightly"
        if not name.replace("-", "").isalnum():
            raise BadRequest(self.cid, "A name has letters, digits and hyphens only")
        files = sorted(path for path in Path(folder).iterdir() if path.suffix in (".csv", ".json"))
        rows = [row for path in files for row in self.read(path)]
        summary = self.invoke("report.sales", rows=rows)
        summary["files"] = [path.name for path in files]
        self.write(Path(folder) / "summary" / f"{name}.json", summary)
        self.logger.info("report written", rows=len(rows), files=len(files), report=name)
        self.response.payload = summary

    def read(self, path):
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BadRequest(self.cid, f"{path.name} is larger than {FILE_BYTES_MAX} bytes")
        try:
            text = path.read_text("utf-8")
            if path.suffix == ".csv":
                return list(csv.DictReader(io.StringIO(text)))
            return json.loads(text, parse_float=Decimal)
        except ValueError as error:
            raise BadRequest(self.cid, f"{path.name} cannot be read: {error}") from None

    @staticmethod
    def write(path, summary):
        """Whole or not at all: a reader never sees half a report."""
        path.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as fresh:
            json.dump(summary, fresh, indent=2)
        os.replace(fresh.name, path)
