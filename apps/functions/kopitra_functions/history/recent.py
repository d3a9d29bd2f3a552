"""The recent past of each account, for the anomaly rules: in memory, bounded, forgotten with the process."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kopitra.domain.orders import Side
from kopitra.domain.trading import AckStatus, ExecutionStatus
from kopitra_functions.history.anomalies import Seen, anomalies
from kopitra_functions.history.told import Told
from kopitra_functions.timers.findings import Finding

KEPT = 2_000
"""Of all accounts together: more than any rule's window holds."""
REFERENCES_KEPT = 10_000
IDS_KEPT = 20_000
"""Messages that were looked at: a redelivery is not a second order."""
ORDERING = frozenset({"copy.planned", "copy.added", "copy.corrected", "command.redriven", "operator.ordered"})
REFUSED = frozenset({AckStatus.REJECTED, AckStatus.FAILED})
LOOKED_INTO = frozenset({"command.acknowledged", "execution.recorded", *ORDERING})
"""Types of which the payload is read, as long as it is in the message: a leader's large plan is counted unread."""


class Recent:
    def __init__(self) -> None:
        self._seen: deque[Seen] = deque(maxlen=KEPT)
        self._asked: OrderedDict[str, Decimal] = OrderedDict()
        self._ids: OrderedDict[str, None] = OrderedDict()

    def notice(self, told: Told, body: Any) -> list[Finding]:
        """`body` is None where it was not read. Nothing for a message that was noticed before."""
        if told.account is None or told.message_id in self._ids:
            return []
        self._ids[told.message_id] = None
        if len(self._ids) > IDS_KEPT:
            self._ids.popitem(last=False)
        found: list[Finding] = []
        for seen in self._of(told, told.account, body):
            found += anomalies(self._seen, seen)
            self._seen.append(seen)
        return found

    def _of(self, told: Told, account: str, body: Any) -> Iterator[Seen]:
        if told.message_type in ORDERING:
            yield Seen(at=told.at, account=account, kind="order", message_id=told.message_id)
            if body is not None:
                self._remember(body)
        if body is None:
            return
        if told.message_type == "command.acknowledged" and body.status in REFUSED:
            yield Seen(at=told.at, account=account, kind="refusal", message_id=told.message_id)
        if told.message_type == "execution.recorded":
            yield from self._of_deal(told, account, body.execution)

    def _remember(self, body: Any) -> None:
        """At what price each order was meant."""
        decided = [*getattr(body, "decisions", ()), getattr(body, "decision", None)]
        orders = [one.order for one in decided if one is not None] + [getattr(body, "order", None)]
        for order in orders:
            if order is not None and order.reference_price is not None:
                self._asked[order.command_id] = order.reference_price
        while len(self._asked) > REFERENCES_KEPT:
            self._asked.popitem(last=False)

    def _of_deal(self, told: Told, account: str, deal: Any) -> Iterator[Seen]:
        if deal.status == ExecutionStatus.REJECTED:
            yield Seen(at=told.at, account=account, kind="refusal", message_id=told.message_id)
        asked = deal.requested_price or self._asked.get(deal.command_id)
        if asked is None or deal.fill_price is None:
            return
        worse = deal.fill_price - asked if deal.side == Side.BUY else asked - deal.fill_price
        yield Seen(
            at=told.at,
            account=account,
            kind="slippage",
            message_id=told.message_id,
            symbol=deal.symbol,
            slippage=worse,
            price=deal.fill_price,
        )
