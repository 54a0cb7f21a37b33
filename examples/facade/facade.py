"""A REST façade: one answer about a customer from two backends, enriched.

The addresses come from the environment: FACADE_CRM_URL and FACADE_BILLING_URL.
"""

import json
import os
from decimal import Decimal
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

from zato.common.exception import NotFound, ServiceUnavailable
from zato.server.service import Int, Service

TIMEOUT_SECONDS = 5
BODY_BYTES_MAX = 1024 * 1024
GOLD_FROM = Decimal(1000)


class Backend(Service):
    """Base of the services that talk to a backend; not a service of its own."""

    zato_dont_import = True
    variable = ""

    def fetch(self, path):
        """The JSON at a path, None for 404; 503 when the backend does not answer properly."""
        address = os.environ.get(self.variable)
        if not address:
            raise ServiceUnavailable(self.cid, f"{self.variable} is not set")
        try:
            with urlopen(address.rstrip("/") + path, timeout=TIMEOUT_SECONDS) as response:
                return json.loads(response.read(BODY_BYTES_MAX), parse_float=Decimal)
        except HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            self.logger.error("backend refused", backend=self.variable, status=error.code)
        except (URLError, OSError, ValueError) as error:
            self.logger.error("backend failed", backend=self.variable, reason=str(error))
        raise ServiceUnavailable(self.cid, f"{self.backend_name} is not available", retry_after=5)


class CustomerFromCRM(Backend):
    """A customer as the CRM has it."""

    zato_dont_import = False
    name = "facade.crm-customer"
    variable, backend_name = "FACADE_CRM_URL", "The CRM"
    input = Int("customer_id")

    def handle(self):
        customer_id = self.request.input.customer_id
        customer = self.fetch(f"/customers/{customer_id}")
        if customer is None:
            raise NotFound(self.cid, f"There is no customer {customer_id}")
        return customer


class InvoicesFromBilling(Backend):
    """The invoices of a customer as billing has them; a customer without any is fine."""

    zato_dont_import = False
    name = "facade.billing-invoices"
    variable, backend_name = "FACADE_BILLING_URL", "Billing"
    input = Int("customer_id")

    def handle(self):
        customer_id = self.request.input.customer_id
        return self.fetch(f"/invoices?customer={quote(str(customer_id))}") or []


class Customer(Service):
    """What the website shows about a customer."""

    input = Int("customer_id")
    output = "id", "name", "country", "segment", "open_total", Int("open_invoices"), "-currency"

    def handle_GET(self):
        customer_id = self.request.input.customer_id
        customer = self.invoke(CustomerFromCRM, customer_id=customer_id)
        invoices = self.invoke(InvoicesFromBilling, customer_id=customer_id)

        unpaid = [Decimal(str(invoice["amount"])) for invoice in invoices if not invoice["paid"]]
        spent = sum((Decimal(str(invoice["amount"])) for invoice in invoices), Decimal(0))

        self.response.payload.id = customer["id"]
        self.response.payload.name = f"{customer['first_name']} {customer['last_name']}"
        self.response.payload.country = customer["country"].upper()
        self.response.payload.segment = "gold" if spent >= GOLD_FROM else "standard"
        self.response.payload.open_total = f"{sum(unpaid, Decimal(0)):.2f}"
        self.response.payload.open_invoices = len(unpaid)
        self.response.payload.currency = invoices[0]["currency"] if invoices else None
