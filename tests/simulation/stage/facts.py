"""What truly happened, as the world's own instruments saw it: the journal's events, the brokers' deals, the answers.

Nothing here asks the counterparty or an agent; the state is replayed from the committed frames by the unmodified codec.
Times are the world's, in seconds of its monotonic clock.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.identifiers import AccountId, CommandId, JournalId
from kopitra.domain.orders import DealEntry, DealReason, Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.trading import REDUCING, ExecutionStatus, Order, OrderAction
from kopitra.machine import events
from kopitra.machine.events import AnyEvent, CopyDecision, CopyPlanned, Outcome, Recorded
from kopitra.machine.state import State
from kopitra.simulation.broker.records import Deal
from kopitra_agent.ports.transport import Response
from tests.simulation.stage.operated import Operated

ZERO = Decimal(0)


class Ordered(msgspec.Struct, kw_only=True):
    """One command that the journal holds for an account."""

    account: str
    order: Order
    at: float
    sequence: int = 0
    """Of its outbox item."""
    leader: str = ""
    ref: str = ""
    """Of an open: whose trade is copied."""
    decision: CopyDecision | None = None
    rules: CopyRules | None = None
    """Those in force when it was decided."""
    cause: str = ""
    """Of an open that no fresh signal asked for."""
    missed: Decimal = ZERO
    """Lots of the leader's trade that were closed before this open."""


class CopyFacts(msgspec.Struct, kw_only=True):
    """What a broker's ledger says of one magic number, and how it came to be ordered."""

    account: str
    magic: int
    opens: list[Ordered]
    positions: set[int]
    filled: Decimal = ZERO
    closed: Decimal = ZERO
    own: Decimal = ZERO
    """The part of `closed` that no command of ours asked for: by hand, by a stop, by the broker."""

    @property
    def live(self) -> Decimal:
        return self.filled - self.closed

    @property
    def decision(self) -> CopyDecision:
        decision = self.opens[0].decision
        assert decision is not None
        return decision

    @property
    def rules(self) -> CopyRules:
        rules = self.opens[0].rules
        assert rules is not None
        return rules

    @property
    def leader(self) -> str:
        return self.opens[0].leader

    @property
    def side(self) -> Side:
        return Side(self.opens[0].order.side)

    @property
    def symbol(self) -> str:
        return self.opens[0].order.symbol

    @property
    def missed(self) -> Decimal:
        return self.opens[0].missed

    @property
    def copy_id(self) -> str:
        return str(self.opens[0].order.copy_id)

    @property
    def ref(self) -> str:
        """The leader's name of the trade that it is of."""
        return self.opens[0].ref


class LeaderTrade(msgspec.Struct, kw_only=True):
    """One position of a leader as its broker's ledger tells it."""

    leader: str
    ref: str
    symbol: str
    side: str
    opened: Decimal
    at: float
    left: Decimal
    magic: int = 0
    """Of the deal that opened it: where it is a copy itself, that copy's."""


def signed(side: Side, volume: Decimal) -> Decimal:
    return volume if side is Side.BUY else -volume


TAKEN_OFF = frozenset({ExecutionStatus.CANCELLED, ExecutionStatus.EXPIRED, ExecutionStatus.REJECTED})
OUR_REASONS = frozenset({None, DealReason.EXPERT})


class Facts:
    def __init__(self, journal_id: JournalId, shard: str) -> None:
        self.shadow = State(journal_id=journal_id, shard=shard)
        self.ordered: dict[CommandId, Ordered] = {}
        self._fresh: list[Ordered] = []
        self.by_magic: dict[tuple[str, int], list[Ordered]] = {}
        self.copies: dict[tuple[str, int], CopyFacts] = {}
        self.copy_of_id: dict[str, CopyFacts] = {}
        self.first_decisions: dict[tuple[str, str], tuple[CopyPlanned, CopyDecision]] = {}
        """By subscription and the leader's ref: what was decided when the trade became known."""
        self.decided: dict[tuple[str, str], float] = {}
        """By leader and ref: when the first record of it was made."""
        self.runs: dict[str, int] = {}
        """Sequence of each run's first record."""
        self.delivered: dict[str, dict[int, float]] = {}
        self.trades_by_ref: dict[str, LeaderTrade] = {}
        self.trades: dict[tuple[str, int], LeaderTrade] = {}
        """By leader and position id."""
        self.ends: dict[str, tuple[float, str]] = {}
        """By copy id: when and why its open was given up by the core."""
        self.netting: set[str] = set()
        """Accounts with one position a symbol."""
        self.nets: dict[tuple[str, str], Decimal] = {}
        self.manual: dict[tuple[str, str], Decimal] = {}
        """By netting account and symbol, in lots, long positive: what there is, and what of it no copy brought."""
        self.terms: list[float] = []
        """When somebody began to serve."""
        self.stopped: set[str] = set()
        """Copies that a halt, a guard, a silence or an operator closed."""
        self.released: set[str] = set()
        """Copies that unsubscribing left to their owner."""
        self.taken_off: set[str] = set()
        """Copies (by copy id) whose resting order ended at its broker without a fill, as the journal has it."""
        self.operated = Operated()
        self._told: tuple[Response, dict[str, Any]] | None = None
        self.refused_modifies: set[str] = set()
        """Copies whose stops could not be changed (by copy id): nobody drives that again."""

    # -- the journal -------------------------------------------------------------------------------------------------

    def commit(self, recorded: Recorded, at: float) -> None:
        """Before the shadow is moved on."""
        event = recorded.event
        match event:
            case events.CopyPlanned():
                self._planned(event, recorded, at)
            case events.SignalIgnored() | events.SignalDeferred():
                self.runs.setdefault(event.run, recorded.sequence)
                self.decided.setdefault((event.account, event.signal.position_ref), at)
            case events.CopyAdded():
                self._added(event, at)
            case events.CommandAcknowledged():
                self._acknowledged(event, at)
            case events.CommandExpired():
                self._given_up(event.command, at, "expired")
            case events.OperatorOrdered():
                self._operated(event, at)
            case events.NetSettled():
                self._given_to_the_owner(event)
            case events.ExecutionRecorded() if event.copy_id and event.execution.status in TAKEN_OFF:
                self.taken_off.add(str(event.copy_id))
            case _:
                self._other(event, at)

    def _other(self, event: AnyEvent, at: float) -> None:
        """Whatever else orders something: to correct a copy, or to stop many."""
        order: Order | None = getattr(event, "order", None)
        account: str | None = getattr(event, "account", None)
        if order is not None and account is not None:
            self._order(account, order, at)
        for stop in getattr(event, "orders", ()):
            self._order(stop.account, stop.order, at)
            self.stopped.add(str(stop.order.copy_id))
        for release in getattr(event, "released", ()):
            self.released.add(str(release.copy_id))
        for withdrawal in getattr(event, "withdrawn", ()):
            self._given_up(withdrawal.command, at, "stopped")

    def _operated(self, event: events.OperatorOrdered, at: float) -> None:
        self._order(event.account, event.order, at)
        self.operated.ordered(event)
        if event.order.action is OrderAction.CLOSE and event.order.copy_id is not None:
            self.stopped.add(str(event.order.copy_id))

    def _given_to_the_owner(self, event: events.NetSettled) -> None:
        """What a trade of the owner's took of copies is the owner's from then on."""
        key = (str(event.account), event.symbol)
        book = self.shadow.accounts[event.account].following
        for settled in event.copies:
            known = book.copies[settled.copy_id]
            taken = known.live_volume - (settled.filled - settled.closed)
            taken -= sum((each.volume for each in settled.taken), ZERO) - sum(known.taken.values(), ZERO)
            self.manual[key] = self.manual.get(key, ZERO) + signed(known.side, taken)
            copy = self.copies.get((key[0], known.magic))
            if copy is not None:
                copy.own += taken

    def _added(self, event: events.CopyAdded, at: float) -> None:
        if event.decision.order is None:
            return
        self._know(
            Ordered(
                account=event.decision.follower,
                order=event.decision.order,
                at=at,
                leader=event.leader,
                ref=str(event.position_ref),
                decision=event.decision,
                rules=self.rules(event.decision),
                cause=str(event.cause),
                missed=event.missed,
            )
        )

    def applied(self) -> None:
        """After the shadow was moved on: now it says where in its account's outbox each new command is."""
        for ordered in self._fresh:
            sequence = self.shadow.accounts[AccountId(ordered.account)].commands.get(ordered.order.command_id)
            ordered.sequence = sequence or 0
        self._fresh.clear()

    def _planned(self, event: CopyPlanned, recorded: Recorded, at: float) -> None:
        self.operated.planned(event)
        self.runs.setdefault(event.run, recorded.sequence)
        ref = str(event.signal.position_ref)
        self.decided.setdefault((event.account, ref), at)
        for decision in event.decisions:
            self.first_decisions.setdefault((decision.subscription, ref), (event, decision))
            if decision.withdrawn is not None:
                self._given_up(decision.withdrawn, at, "superseded")
            if decision.order is None or decision.outcome is Outcome.SANDBOX:
                continue
            ordered = Ordered(
                account=decision.follower,
                order=decision.order,
                at=at,
                leader=event.account,
                ref=ref,
                decision=decision,
                rules=self.rules(decision),
            )
            self._know(ordered)

    def _order(self, account: str, order: Order, at: float) -> None:
        ordered = Ordered(account=account, order=order, at=at)
        known = self.copies.get((account, order.magic))
        if known is not None and order.action is OrderAction.OPEN:
            first = known.opens[0]
            ordered.leader, ordered.ref = first.leader, first.ref
            ordered.decision, ordered.rules = first.decision, first.rules
        self._know(ordered)

    def _know(self, ordered: Ordered) -> None:
        order = ordered.order
        self.ordered[order.command_id] = ordered
        self._fresh.append(ordered)
        self.by_magic.setdefault((ordered.account, order.magic), []).append(ordered)
        if order.action is not OrderAction.OPEN or order.copy_id is None:
            return
        key = (ordered.account, order.magic)
        known = self.copies.get(key)
        if known is None:
            known = CopyFacts(account=ordered.account, magic=order.magic, opens=[], positions=set())
            self.copies[key] = known
            self.copy_of_id[order.copy_id] = known
        known.opens.append(ordered)

    def _acknowledged(self, event: events.CommandAcknowledged, at: float) -> None:
        ordered = self.ordered.get(event.command)
        if ordered is None or not event.retires:
            return
        done = str(event.status) in ("executed", "already_closed")
        if ordered.order.action is OrderAction.OPEN and not done:
            self._given_up(event.command, at, event.reason or str(event.status))
        if ordered.order.action is OrderAction.MODIFY and not done and ordered.order.copy_id is not None:
            self.refused_modifies.add(ordered.order.copy_id)

    def _given_up(self, command: CommandId, at: float, why: str) -> None:
        ordered = self.ordered.get(command)
        if ordered is not None and ordered.order.copy_id is not None:
            self.ends[ordered.order.copy_id] = (at, why)

    # -- brokers -----------------------------------------------------------------------------------------------------

    def dealt(self, account: str, server: str, login: int, leads: bool, deal: Deal, at: float) -> None:
        if deal.kind != "trade":
            return
        if leads:
            self._led(account, server, login, deal, at)
        if account in self.netting:
            self._netted(account, deal)
            return
        for copy in self.copies_met(account, deal):
            if deal.entry is DealEntry.IN:
                copy.filled += deal.volume
                copy.positions.add(deal.position_id)
            else:
                copy.closed += deal.volume
                if deal.reason not in OUR_REASONS:
                    copy.own += deal.volume

    def _netted(self, account: str, deal: Deal) -> None:
        """A deal of a netting account is a copy's by its magic number and its owner's without one."""
        assert deal.side is not None
        key = (account, deal.symbol)
        volume = signed(deal.side, deal.volume)
        self.nets[key] = self.nets.get(key, ZERO) + volume
        copy = self.copies.get((account, deal.magic))
        if copy is None or deal.reason not in OUR_REASONS:
            self.manual[key] = self.manual.get(key, ZERO) + volume
        elif deal.side is copy.side:
            copy.filled += deal.volume
        else:
            copy.closed += deal.volume

    def copies_met(self, account: str, deal: Deal) -> list[CopyFacts]:
        known = self.copies.get((account, deal.magic))
        if known is not None and (deal.entry is DealEntry.IN or account in self.netting):
            return [known]
        return [
            copy
            for copy in self.copies.values()
            if copy.account == account and deal.position_id in copy.positions
        ]

    def _led(self, account: str, server: str, login: int, deal: Deal, at: float) -> None:
        key = (account, deal.position_id)
        if deal.entry is DealEntry.IN and key not in self.trades:
            trade = self.trades[key] = LeaderTrade(
                leader=account,
                ref=f"{server}:{login}:{deal.position_id}",
                symbol=deal.symbol,
                side=str(deal.side),
                opened=deal.volume,
                left=deal.volume,
                at=at,
                magic=deal.magic,
            )
            self.trades_by_ref[trade.ref] = trade
            self.trades_by_ref[f"{server}:{login}:o{deal.order_ticket}"] = trade
        elif key in self.trades and deal.entry is DealEntry.OUT:
            self.trades[key].left -= deal.volume

    def orders_of(self, account: str, magic: int) -> list[Ordered]:
        return self.by_magic.get((account, magic), [])

    def least_target(self, copy: CopyFacts) -> Decimal | None:
        """The least that any order wanted to remain of a copy; None where nothing ordered a reduction."""
        targets = [
            ordered.order.target_volume or ZERO if ordered.order.action is OrderAction.PARTIAL_CLOSE else ZERO
            for ordered in self.orders_of(copy.account, copy.magic)
            if ordered.order.action in REDUCING
        ]
        return min(targets, default=None)

    def trade_of(self, copy: CopyFacts) -> LeaderTrade | None:
        """The leader's position that a copy is of; None while its order rests."""
        return self.trades_by_ref.get(copy.ref)

    def rules(self, decision: CopyDecision) -> CopyRules:
        """Those in force now, of all layers."""
        return self.shadow.subscriptions[decision.subscription].rules

    # -- answers -----------------------------------------------------------------------------------------------------

    def told(self, response: Response) -> dict[str, Any]:
        """What an answer says; whoever looks at the same one next gets the same."""
        if self._told is None or self._told[0] is not response:
            self._told = response, msgspec.json.decode(response.body)
        return self._told[1]

    def note_delivered(self, account: str, answer: Mapping[str, Any], at: float) -> None:
        known = self.delivered.setdefault(account, {})
        for event in (*answer["urgent"], *answer["events"]):
            known.setdefault(event["sequence"], at)
