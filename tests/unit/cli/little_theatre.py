"""A demonstration without a platform: simulated brokers where each follower does what the oracle expects, or something
else, and the records that a platform would have left."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from kopitra.domain.arithmetic import Arithmetic, BalanceShare
from kopitra.domain.identifiers import AccountId, CommandId, CopyId, PositionRef, RunId, SignalId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.rates import Rate
from kopitra.domain.readings import Balance
from kopitra.domain.trading import LeaderFigures, Order, OrderAction, Signal, SignalAction
from kopitra.machine.events import CopyDecision, CopyPlanned, Outcome, Recorded
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.operations import Balance as Cash
from kopitra.simulation.broker.operations import HandTrade, Operation, Prices, Trade
from kopitra.simulation.broker.records import DealKind, TradeRequest, TradeResult
from kopitra.simulation.broker.state import BrokerState, decode_state, encode_state, new_account
from kopitra.simulation.leader_hand import Tickets, exactly, reason_of
from kopitra.simulation.timeline import Action, LeaderAccount, Timeline, TimelineEvent
from kopitra_cli.demo.broker_story import story_of
from kopitra_cli.demo.cast import Account, Cast, Follower, cast_for
from kopitra_cli.demo.expectation import oracle_rules
from kopitra_cli.demo.leader_story import key_of, position_ref
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_cli.demo.verdict import Evidence
from kopitra_cli.oracle import Step, expected

BEGINNING = datetime(2026, 1, 5, 10, tzinfo=UTC)
STATEMENT_TIME = datetime(2020, 3, 2, 9, tzinfo=UTC)
D = Decimal
QUOTE = Quote("EURUSD", D("1.10000"), D("1.10010"))
Tamper = Callable[[TradeRequest], list[TradeRequest]]
FIRST_MAGIC = 1_260_000_000


def event(second: int, action: Action, ticket: int, ref: str, volume: str, **fields: Any) -> TimelineEvent:
    decimals: dict[str, Any] = {
        name: D(value) if isinstance(value, str) else value for name, value in fields.items()
    }
    plain: dict[str, Any] = {
        "at": STATEMENT_TIME + timedelta(seconds=second),
        "action": action,
        "ticket": ticket,
        "position_ref": ref,
        "symbol": "EURUSD",
        "side": Side.BUY,
        "volume": D(volume),
        "quote": QUOTE,
    }
    return TimelineEvent(**(plain | decimals))


TIMELINE = Timeline(
    source="written",
    account=LeaderAccount(currency="USD", leverage=100, opening_balance=D(10_000)),
    events=(
        event(0, Action.OPEN, 1, "1", "0.20", price="1.10010", stop_loss="1.09", volume_after="0.20"),
        event(1, Action.MODIFY, 1, "1", "0.20", stop_loss="1.08", take_profit="1.2", volume_after="0.20"),
        event(2, Action.OPEN, 2, "2", "0.01", price="1.10010", volume_after="0.01"),
        event(3, Action.PARTIAL_CLOSE, 1, "1", "0.10", price="1.1", volume_after="0.10", remainder_ticket=3),
        event(4, Action.CLOSE, 3, "1", "0.10", price="1.1", volume_after="0"),
    ),
)
"""One position with everything that can happen to it, and one too small for some, which stays open."""


class Desk:
    """One account's broker, its first state, and every operation since."""

    def __init__(self, account: Account) -> None:
        self.account = account
        state = new_account(account.terms, account.profile, account.specs, BEGINNING)
        SimulatedBroker(state).apply(Cash(at=BEGINNING, kind=DealKind.DEPOSIT, amount=account.deposit))
        self.beginning = encode_state(state)
        self.operations: list[Operation] = []
        self.broker = SimulatedBroker(state, record=self.operations.append)

    def first_state(self) -> BrokerState:
        return decode_state(self.beginning)

    def quote(self, at: datetime) -> None:
        name = self.account.names["EURUSD"]
        self.broker.apply(Prices(at=at, quotes=(Quote(name, QUOTE.bid, QUOTE.ask),)))

    def story(self) -> Any:
        return story_of(self.first_state(), self.operations)


class LittleTheatre:
    """`tamper` by account: what becomes of each request that its broker should get."""

    def __init__(self, tamper: dict[str, Tamper] | None = None, timeline: Timeline = TIMELINE) -> None:
        self.timeline = timeline
        self.cast: Cast = cast_for(timeline)
        self.tamper = tamper or {}
        self.record = PlatformRecord()
        self.now = BEGINNING + timedelta(seconds=1)
        self.leader = Desk(self.cast.leader)
        self.desks = {f.account: Desk(f.at) for f in self.cast.followers}
        self._sequence = 0
        self._steps: dict[AccountId, dict[str, list[Step]]] = {}
        self._tickets = Tickets()
        self._refs: dict[str, PositionRef] = {}
        self._done: dict[tuple[AccountId, str], int] = {}
        for desk in (self.leader, *self.desks.values()):
            desk.quote(self.now)

    def play(self) -> Evidence:
        for index, each in enumerate(self.timeline.events):
            self.now += timedelta(seconds=1)
            self._lead(index, each)
            for follower in self.cast.followers:
                self.now += timedelta(milliseconds=7)
                self._follow(follower, each)
        stories = {account: desk.story() for account, desk in self.desks.items()}
        return Evidence(
            timeline=self.timeline,
            cast=self.cast,
            stories=stories | {self.cast.leader.account: self.leader.story()},
            record=self.record,
            joined_at={},
            begun=frozenset(range(len(self.timeline.events))),
        )

    def _lead(self, index: int, each: TimelineEvent) -> None:
        request = self._tickets.request_for(each)
        operation = HandTrade(
            at=self.now, request=request, reason=reason_of(each), exact=exactly(each), key=key_of(index)
        )
        result = self.leader.broker.apply(operation)
        assert isinstance(result, TradeResult)
        assert result.done, result
        self._tickets.note(each, result)
        if each.action is Action.OPEN:
            assert result.position_id is not None
            self._refs[each.position_ref] = position_ref(self.cast.leader, result.position_id)
            self._plan(each, result.deal_id)

    def _plan(self, each: TimelineEvent, deal: int | None) -> None:
        """What the journal would say of an open."""
        assert each.side is not None
        assert each.volume is not None
        signal = Signal(
            signal_id=SignalId(f"s{each.ticket}"),
            action=SignalAction.OPEN,
            position_ref=self._refs[each.position_ref],
            symbol=each.symbol,
            side=each.side,
            volume=each.volume,
            volume_after=each.volume,
            account=LeaderFigures(balance=D(10_000), currency="USD"),
            occurred_at=self.now,
            stream_id="stream",
            ordinal=each.ticket,
            deal_id=deal,
        )
        decisions = tuple(self._decision(follower, each) for follower in self.cast.followers)
        planned = CopyPlanned(
            account=self.cast.leader.account, run=RunId("r"), signal=signal, age_ms=0, decisions=decisions
        )
        self._sequence += 1
        self.record.take(Recorded(self._sequence, self._sequence, self.now, planned))

    def _decision(self, follower: Follower, each: TimelineEvent) -> CopyDecision:
        steps = self._expected(follower)
        name, account = each.position_ref, follower.account
        if name not in steps:
            return CopyDecision(
                subscription=follower.subscription,
                follower=account,
                outcome=Outcome.SKIPPED,
                reason="below_minimum",
            )
        step = steps[name][0]
        order = Order(
            command_id=CommandId(f"o-{account}-{name}"),
            copy_id=CopyId(f"c-{account}-{name}"),
            action=OrderAction.OPEN,
            symbol=step.symbol,
            side=Side(step.side),
            order_type=OrderType.MARKET,
            volume=step.volume,
            magic=FIRST_MAGIC + each.ticket,
        )
        return CopyDecision(
            subscription=follower.subscription,
            follower=account,
            outcome=Outcome.PLANNED,
            copy_id=order.copy_id,
            order=order,
            arithmetic=self._arithmetic(follower, each),
        )

    def _arithmetic(self, follower: Follower, each: TimelineEvent) -> Arithmetic | None:
        if follower.account != "ratio":
            return None
        balance = Balance(follower.at.deposit, "EUR", self.now)
        rate = Rate("EUR", "USD", QUOTE.bid + QUOTE.ask, D(2), ("EURUSD",), self.now)
        assert each.volume is not None
        return Arithmetic(
            "balance_ratio",
            each.volume,
            D(1),
            D("0.01"),
            D(100),
            D("0.01"),
            (D(100_000), D(100_000)),
            BalanceShare(balance, D(10_000), "USD", rate),
        )

    def _expected(self, follower: Follower) -> dict[str, list[Step]]:
        """Computed once; the ratio's rate is that of the only quote."""
        if follower.account not in self._steps:
            plain = [
                {name: getattr(e, name) for name in e.__struct_fields__}
                | {"action": e.action.value, "side": e.side.value if e.side else None}
                for e in self.timeline.events
            ]
            rate = (QUOTE.bid + QUOTE.ask) / 2
            balance = {"leader": D(10_000), "follower": follower.at.deposit, "rate": rate}
            balances = {"1": balance, "2": balance}
            rules = oracle_rules(self.cast.leader, follower)
            self._steps[follower.account] = dict(expected(plain, rules, balances).steps)
        return self._steps[follower.account]

    def _follow(self, follower: Follower, each: TimelineEvent) -> None:
        steps = self._expected(follower).get(each.position_ref, [])
        at = self._done.get((follower.account, each.position_ref), 0)
        if at >= len(steps) or not _answers(steps[at], each):
            return
        self._done[follower.account, each.position_ref] = at + 1
        desk = self.desks[follower.account]
        tampered = self.tamper.get(follower.account, lambda request: [request])
        for request in tampered(self._request(desk, steps[at], each)):
            desk.broker.apply(Trade(at=self.now, request=request))

    def _request(self, desk: Desk, step: Step, each: TimelineEvent) -> TradeRequest:
        ticket = {"1": 1, "2": 2}[each.position_ref]
        magic = FIRST_MAGIC + ticket
        held = next((p for p in desk.broker.state.positions.values() if p.magic == magic), None)
        position = held.ticket if held is not None else None
        match step.action:
            case "open":
                return TradeRequest(
                    action="deal",
                    symbol=step.symbol,
                    side=Side(step.side),
                    volume=step.volume,
                    stop_loss=step.stop_loss,
                    take_profit=step.take_profit,
                    magic=magic,
                )
            case "modify":
                return TradeRequest(
                    action="sltp",
                    symbol=step.symbol,
                    position=position,
                    stop_loss=step.stop_loss,
                    take_profit=step.take_profit,
                )
            case _:
                volume = step.volume if step.action == "partial_close" else None
                return TradeRequest(action="deal", symbol=step.symbol, position=position or 1, volume=volume)


def _answers(step: Step, each: TimelineEvent) -> bool:
    """Whether the follower's next step follows from this event: a partial close may close all of it."""
    reducing = (Action.PARTIAL_CLOSE, Action.CLOSE)
    wanted = {
        "open": (Action.OPEN,),
        "modify": (Action.MODIFY,),
        "partial_close": reducing,
        "close": reducing,
    }
    return each.action in wanted[step.action]
