"""Real traffic of one leader and its followers: every command, event and kept answer that a day of copying makes."""

from datetime import timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, EventId, PositionRef, SignalId
from kopitra.domain.orders import DealEntry, Side
from kopitra.domain.telemetry import OutboxAck
from kopitra.domain.trading import (
    AckStatus,
    Execution,
    ExecutionStatus,
    LeaderFigures,
    Order,
    OrderAction,
    Signal,
    SignalAction,
)
from kopitra.machine import commands
from kopitra.protocol.messages import ExecutionAnswer, InboxAnswer, SignalAnswer
from tests.load.cast import Casting
from tests.load.jobs import Seat
from tests.load.scribe import SHARD, Scribe

BETWEEN_SIGNALS = timedelta(minutes=3)
"""About 480 signals in a day: a busy leader; older answers are forgotten as they are in production."""
STEPS = (SignalAction.OPEN, SignalAction.MODIFY, SignalAction.CLOSE)
DIGEST = bytes(range(20))


class Traffic:
    """Positions open, get other stops, close; followers report each fill and acknowledge each command."""

    def __init__(self, scribe: Scribe, followers: int) -> None:
        casting = Casting(scribe)
        self._scribe = scribe
        self._leader = casting.seat("leader")
        self._followers = [casting.seat(f"follower-{number}") for number in range(followers)]
        casting.copy(self._leader, self._followers)
        self._step = 0
        self._keys = 0
        self._tickets = 1000
        self._positions: dict[str, int] = {}

    def signal(self) -> None:
        """One signal, and all that follows from it."""
        scribe, position = self._scribe, self._step // len(STEPS)
        action = STEPS[self._step % len(STEPS)]
        self._step += 1
        scribe.now += BETWEEN_SIGNALS
        intent = self._intent(action, position)
        answer = SignalAnswer(status="accepted", sequence=1, run_id="r-" + "x" * 16, planned=10, skipped=0)  # type: ignore[arg-type]
        scribe.do(
            commands.TakeSignal(account=AccountId(self._leader.account), signal=intent),
            self._answer(self._leader, "POST /signals", 202, answer),
        )
        scribe.now += timedelta(milliseconds=400)
        for follower in self._followers:
            account = AccountId(follower.account)
            for item in list(scribe.state.accounts[account].outbox.values()):
                scribe.readings.delivered.setdefault(account, set())
                if item.order is not None:
                    self._report(follower, item.order)
                self._acknowledge(follower, item.sequence)

    def _intent(self, action: SignalAction, position: int) -> Signal:
        closing, moved = action is SignalAction.CLOSE, action is SignalAction.MODIFY
        return Signal(
            signal_id=SignalId(f"signal-{self._step}"),
            action=action,
            position_ref=PositionRef(f"broker:1001:{position}"),
            symbol="EURUSD",
            side=Side.BUY,
            volume=Decimal(1),
            volume_after=Decimal(0 if closing else 1),
            account=LeaderFigures(balance=Decimal(10_000), currency="USD"),
            occurred_at=self._scribe.now,
            stream_id="stream",
            ordinal=self._step,
            deal_id=None if moved else self._step,
            price=Decimal("1.10000"),
            stop_loss=Decimal("1.09500" if moved else "1.09000"),
            take_profit=Decimal("1.12000"),
        )

    def _report(self, follower: Seat, order: Order) -> None:
        if order.action is OrderAction.MODIFY:
            return
        opening = order.action is OrderAction.OPEN
        self._tickets += 1
        copy = order.copy_id or ""
        position = self._positions.setdefault(copy, self._tickets) if opening else self._positions.pop(copy)
        execution = Execution(
            status=ExecutionStatus.FILLED,
            symbol=order.symbol,
            side=order.side,
            executed_at=self._scribe.now,
            command_id=order.command_id,
            entry=DealEntry.IN if opening else DealEntry.OUT,
            order_ticket=self._tickets,
            deal_id=self._tickets,
            position_id=position,
            fill_volume=order.volume,
            fill_price=Decimal("1.10003"),
        )
        self._scribe.do(
            commands.TakeExecution(account=AccountId(follower.account), execution=execution),
            self._answer(follower, "POST /executions", 200, ExecutionAnswer(sequence=self._tickets)),
        )

    def _acknowledge(self, follower: Seat, sequence: int) -> None:
        ack = OutboxAck(event_id=EventId(f"{SHARD}-{sequence}"), status=AckStatus.EXECUTED)
        answer = InboxAnswer(accepted=1, sequence=sequence, durable=True)
        self._scribe.do(
            commands.TakeAck(account=AccountId(follower.account), ack=ack),
            self._answer(follower, "POST /sessions/current/inbox", 202, answer),
        )

    def _answer(self, seat: Seat, scope: str, status: int, body: object) -> commands.RememberAnswer:
        """What every request with a key leaves behind."""
        self._keys += 1
        return commands.RememberAnswer(
            account=AccountId(seat.account),
            scope=scope,
            key=f"{seat.account}-{self._keys:032}",
            digest=DIGEST,
            status=status,
            body=msgspec.json.encode(body),
        )
