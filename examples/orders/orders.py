"""A validation service with typed input: an order is checked and priced, or refused by name.

The Model says what an order is; what it cannot say (sums, duplicates) the service checks.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from zato.common.exception import BadRequest, Conflict
from zato.common.typing_ import list_, optional
from zato.server.service import Model, Service

LINES_MAX = 100
QUANTITY_MAX = 1000


@dataclass(init=False)
class Customer(Model):
    email: str
    name: optional[str]


@dataclass(init=False)
class Line(Model):
    sku: str
    price: Decimal
    quantity: int = 1


@dataclass(init=False)
class Order(Model):
    customer: Customer
    currency: Literal["EUR", "GBP", "USD"]
    ordered_on: date
    deliver_on: optional[date]
    lines: list_[Line]


@dataclass(init=False)
class Priced(Model):
    customer: str
    currency: str
    total: Decimal
    items: int
    express: bool


class Check(Service):
    """Checks an order and answers with its price."""

    input = Order
    output = Priced

    def handle_POST(self):
        order = self.request.input
        self.check(order)
        days = (order.deliver_on - order.ordered_on).days if order.deliver_on else None
        self.response.payload = Priced(
            customer=order.customer.email.lower(),
            currency=order.currency,
            total=sum((line.price * line.quantity for line in order.lines), Decimal("0.00")),
            items=sum(line.quantity for line in order.lines),
            express=days is not None and days <= 1,
        )
        self.response.status_code = 201

    def check(self, order):
        if "@" not in order.customer.email:
            raise BadRequest(self.cid, "Element invalid: /customer/email (must be an address)")
        if not 1 <= len(order.lines) <= LINES_MAX:
            raise BadRequest(self.cid, f"An order has 1 to {LINES_MAX} lines")
        seen = set()
        for index, line in enumerate(order.lines):
            if not 1 <= line.quantity <= QUANTITY_MAX:
                where = f"/lines[{index}]/quantity"
                raise BadRequest(
                    self.cid, f"Element invalid: {where} (must be 1 to {QUANTITY_MAX})")
            if not line.price.is_finite() or line.price < 0:
                raise BadRequest(
                    self.cid, f"Element invalid: /lines[{index}]/price (must not be negative)")
            if line.sku in seen:
                raise Conflict(self.cid, f"{line.sku} is ordered twice")
            seen.add(line.sku)
        if order.deliver_on and order.deliver_on < order.ordered_on:
            raise BadRequest(self.cid, "deliver_on is before ordered_on")
