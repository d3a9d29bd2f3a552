"""How long the core takes to plan one signal for 1,000 followers: deciding, applying, and the journal's bytes."""

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import msgspec

from kopitra.domain.identifiers import AccountId, PositionRef, SignalId
from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, Sizing
from kopitra.domain.trading import LeaderFigures, Signal, SignalAction
from kopitra.machine.commands import TakeSignal
from kopitra.machine.events import CopyDecision, CopyPlanned, Recorded
from kopitra.machine.outcome import Context, Decision
from kopitra.machine.readings import Figures
from kopitra.machine.stamp import stamp
from tests.load.cast import RULES, SYMBOLS, Casting
from tests.load.report import Figure, figure
from tests.load.scribe import Scribe, scribe

FOLLOWERS = 1_000
ROUNDS = 15
"""Signals that are planned; the quickest counts, because another process only ever makes one slower."""
MODES: dict[str, Sizing] = {"multiplier": ByMultiplier(), "balance_ratio": BalanceRatio()}


def run(folder: Path) -> list[Figure]:
    return asyncio.run(_run(folder))


async def _run(folder: Path) -> list[Figure]:
    figures: list[Figure] = []
    for mode, sizing in MODES.items():
        place = folder / f"planning-{mode}"
        place.mkdir()
        async with scribe(place, datetime.now(UTC) - timedelta(days=1)) as writer:
            figures.extend(_planned(mode, writer, _seated(writer, sizing)))
    return figures


def _seated(writer: Scribe, sizing: Sizing) -> AccountId:
    """A leader in euros and its followers in dollars, every figure of theirs fresh."""
    casting = Casting(writer)
    leader = casting.seat("leader")
    followers = [casting.seat(f"follower-{number}") for number in range(FOLLOWERS)]
    casting.copy(leader, followers, msgspec.structs.replace(RULES, sizing=sizing))
    specs = {spec.symbol: spec for spec in SYMBOLS}
    quote = Quote("EURUSD", Decimal("1.09995"), Decimal("1.10005"), writer.now)
    for number, seat in enumerate((leader, *followers)):
        account = AccountId(seat.account)
        balance = Decimal(10_000 + 37 * number)
        writer.readings.figures[account] = Figures(balance, "EUR" if seat is leader else "USD", writer.now)
        writer.readings.note_quotes(account, [quote], specs, writer.now)
    return AccountId(leader.account)


def _planned(mode: str, writer: Scribe, leader: AccountId) -> list[Figure]:
    deciding: list[float] = []
    applying: list[float] = []
    writing: list[float] = []
    bare: list[float] = []
    gc.collect()
    gc.freeze()
    for number in range(ROUNDS):
        context = Context(now=writer.now, readings=writer.readings)
        command = TakeSignal(account=leader, signal=_signal(number, writer.now))
        decision, seconds = _timed(lambda c=command, x=context: writer.machine.decide(writer.state, c, x))
        deciding.append(seconds)
        assert isinstance(decision, Decision)
        (recorded,) = stamp(decision.events, writer.state.sequence, context)
        event = recorded.event
        assert isinstance(event, CopyPlanned)
        assert all(d.order is not None for d in event.decisions), "every follower must get its copy"
        applying.append(_timed(lambda r=recorded: writer.machine.evolve(writer.state, r))[1])
        writing.append(_timed(lambda r=recorded: writer.machine.encode_event(r))[1])
        bare.append(_timed(lambda r=recorded, e=event: _rebuilt(r, e))[1])
    gc.unfreeze()
    name, ceiling = f"planning.{FOLLOWERS}.{mode}", min(bare) * 1000
    return [
        figure(f"{name}.decide", min(deciding) * 1000, "ms", ceiling),
        figure(f"{name}.evolve", min(applying) * 1000, "ms"),
        figure(f"{name}.encode", min(writing) * 1000, "ms"),
    ]


def _timed(work: Callable[[], object]) -> tuple[object, float]:
    began = perf_counter()
    result = work()
    return result, perf_counter() - began


def _rebuilt(recorded: Recorded, event: CopyPlanned) -> Recorded:
    """The same records, field by field, with nothing decided: what merely making them costs."""
    decisions: list[CopyDecision] = []
    for d in event.decisions:
        order, arithmetic = d.order, d.arithmetic
        decisions.append(
            msgspec.structs.replace(
                d,
                order=type(order)(**{f: getattr(order, f) for f in order.__struct_fields__})
                if order
                else None,
                arithmetic=msgspec.structs.replace(arithmetic) if arithmetic else None,
            )
        )
    return msgspec.structs.replace(recorded, event=msgspec.structs.replace(event, decisions=tuple(decisions)))


def _signal(number: int, now: datetime) -> Signal:
    return Signal(
        signal_id=SignalId(f"signal-{number}"),
        action=SignalAction.OPEN,
        position_ref=PositionRef(f"broker:1001:{number}"),
        symbol="EURUSD",
        side=Side.BUY,
        volume=Decimal(1),
        volume_after=Decimal(1),
        account=LeaderFigures(balance=Decimal(10_000), currency="EUR"),
        occurred_at=now,
        stream_id="stream",
        ordinal=number + 1,
        deal_id=number + 1,
        price=Decimal("1.10000"),
        stop_loss=Decimal("1.09000"),
        take_profit=Decimal("1.12000"),
    )
