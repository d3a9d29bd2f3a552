"""What SQL must hold of a history, worked out from the journal alone: nothing of the management side is used here.

Tables and columns have the names that they have in SQL; of each table only what follows from the journal without
repeating how the management side works it out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.identifiers import JournalId
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import ExecutionStatus, Order, OrderAction
from kopitra.machine.events import (
    CommandAcknowledged,
    CommandDropped,
    CommandExpired,
    CommandRedriven,
    CopyDecision,
    ExecutionRecorded,
    Recorded,
)
from kopitra.protocol.event_messages import is_published, payload_of

Key = tuple[Any, ...]
Fields = dict[str, Any]
Tables = dict[str, dict[Key, Fields]]
"""Rows by key."""
FILLS = frozenset({ExecutionStatus.FILLED, ExecutionStatus.PARTIALLY_FILLED})


class AnyOf(msgspec.Struct, frozen=True):
    """Where the journal alone leaves a value open."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return " or ".join(self.values)


UNHEARD = AnyOf(("queued", "withdrawn"))
"""Of a command that nobody said anything of: still to be fetched, or never to be, since its open came to nothing."""
MONEY = ("profit", "commission", "swap", "fee")


class History(msgspec.Struct, frozen=True, kw_only=True):
    """`last`: the end of the last event that is published."""

    tables: Tables
    last: int


def history_of(journal: JournalId, shard: str, recorded: Iterable[Recorded]) -> History:
    """What follows from these events, which are all there are."""
    facts = _Facts((journal, shard))
    for each in recorded:
        if is_published(each.event):
            facts.take(each)
    return facts.end()


class _Facts:
    def __init__(self, place: Key) -> None:
        self._place = place
        self._tables: Tables = {
            name: {} for name in ("events", "runs", "decisions", "orders", "executions", "trades")
        }
        self._words: defaultdict[str, list[tuple[bool, int, str]]] = defaultdict(list)
        """What was said of each command: whether it ends it, when, what."""
        self._fills: defaultdict[str, list[ExecutionRecorded]] = defaultdict(list)
        self._last = 0

    def take(self, recorded: Recorded) -> None:
        event = recorded.event
        self._last = recorded.last
        self._tables["events"][*self._place, recorded.sequence] = {
            "last_sequence": recorded.last,
            "message_type": str(event.__struct_config__.tag),
            "account": getattr(event, "account", None),
            "occurred_at": recorded.at,
            "request_id": recorded.request_id,
            "actor": recorded.actor,
            "payload": msgspec.json.decode(msgspec.json.encode(payload_of(event))),
        }
        decisions = _decisions(event)
        self._run(getattr(event, "run", None), len(decisions))
        for ordinal, decision in enumerate(decisions):
            self._decide(recorded, ordinal, decision)
        for account, order in _orders(event, decisions):
            self._issue(recorded, account, order)
        for command, status, ends in _words(event, decisions):
            self._words[command].append((ends, recorded.sequence, status))
        if isinstance(event, ExecutionRecorded):
            self._execute(recorded, event)

    def end(self) -> History:
        orders, trades = self._tables["orders"], self._tables["trades"]
        for (command,), fields in orders.items():
            words = self._words[command]
            fields["status"] = max(words)[2] if words else UNHEARD
        for (copy,), fields in trades.items():
            fields |= _dealt(self._fills[copy])
        return History(tables=self._tables, last=self._last)

    def _run(self, run: str | None, decisions: int) -> None:
        if run is not None:
            fields = self._tables["runs"].setdefault((run,), {"followers": 0})
            fields["followers"] += decisions

    def _decide(self, recorded: Recorded, ordinal: int, decision: CopyDecision) -> None:
        order = decision.order
        self._tables["decisions"][*self._place, recorded.sequence, ordinal] = {
            "follower": decision.follower,
            "subscription": decision.subscription,
            "outcome": decision.outcome.value,
            "reason": decision.reason,
            "copy_id": decision.copy_id,
            "command_id": order.command_id if order is not None else None,
            "symbol": order.symbol if order is not None else None,
            "volume": order.volume if order is not None else None,
            "rules_revision": decision.rules_revision,
        }
        if order is not None and decision.copy_id is not None and order.action is OrderAction.OPEN:
            begun: Fields = {
                "follower": decision.follower,
                "subscription": decision.subscription,
                "symbol": order.symbol,
                "side": order.side.value,
                "planned_volume": order.volume,
                "magic": order.magic,
            }
            self._tables["trades"].setdefault((decision.copy_id,), begun)

    def _issue(self, recorded: Recorded, account: str, order: Order) -> None:
        issued: Fields = {
            "account": account,
            "sequence": recorded.sequence,
            "copy_id": order.copy_id,
            "action": order.action.value,
            "symbol": order.symbol,
            "side": order.side.value,
            "volume": order.volume,
            "magic": order.magic,
        }
        self._tables["orders"].setdefault((order.command_id,), issued)

    def _execute(self, recorded: Recorded, event: ExecutionRecorded) -> None:
        deal = event.execution
        self._tables["executions"][*self._place, recorded.sequence] = {
            "account": event.account,
            "execution_key": event.key,
            "command_id": deal.command_id,
            "copy_id": event.copy_id,
            "deal_id": str(deal.deal_id) if deal.deal_id is not None else None,
            "executed_at": deal.executed_at,
            "status": deal.status.value,
            "symbol": deal.symbol,
            "side": deal.side.value,
            "fill_volume": deal.fill_volume,
            "fill_price": deal.fill_price,
            **{name: getattr(deal, name) for name in MONEY},
        }
        if event.copy_id is not None and deal.status in FILLS and not event.repeated:
            self._fills[event.copy_id].append(event)


def _decisions(event: Any) -> list[CopyDecision]:
    single = getattr(event, "decision", None)
    return [*getattr(event, "decisions", ()), *([single] if isinstance(single, CopyDecision) else [])]


def _orders(event: Any, decisions: Iterable[CopyDecision]) -> Iterator[tuple[str, Order]]:
    """Commands that an event brings about, and to whom."""
    for decision in decisions:
        if decision.order is not None:
            yield decision.follower, decision.order
    order = getattr(event, "order", None)
    if isinstance(order, Order):
        yield event.account, order
    for each in getattr(event, "orders", ()):
        yield each.account, each.order


def _words(event: Any, decisions: Iterable[CopyDecision]) -> Iterator[tuple[str, str, bool]]:
    """What an event says of commands: which, what, and whether that is the end of it."""
    for decision in decisions:
        if decision.withdrawn is not None:
            yield decision.withdrawn, "superseded", True
    for each in getattr(event, "withdrawn", ()):
        yield each.command, "superseded", True
    match event:
        case CommandAcknowledged():
            yield event.command, event.status.value, event.retires
        case CommandExpired():
            yield event.command, "expired", True
        case CommandRedriven():
            yield event.replaces, "redriven", True
        case CommandDropped():
            yield event.command, "dropped", True
        case _:
            pass


def _dealt(fills: Iterable[ExecutionRecorded]) -> Fields:
    """What a copy's deals come to. These accounts hedge: a deal that is `in` opens, any other closes."""
    deals = [fill.execution for fill in fills]
    opened = [deal.fill_volume for deal in deals if deal.entry == "in"]
    closed = [deal.fill_volume for deal in deals if deal.entry != "in"]
    return {
        "deals": len(deals),
        "opened_volume": _sum(opened),
        "closed_volume": _sum(closed),
        **{name: _sum([getattr(deal, name) for deal in deals]) for name in MONEY},
    }


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    told = [amount for amount in amounts if amount is not None]
    return sum(told, ZERO) if told else None
