"""A change of the book as a signal: with its place in the stream and the account's figures."""

from datetime import datetime

from kopitra.domain.identifiers import PositionRef, SignalId
from kopitra.domain.trading import LeaderFigures, Signal
from kopitra_agent.account import Owner
from kopitra_agent.ports.terminal import TerminalAccount
from kopitra_agent.sensor.changes import Change
from kopitra_agent.sensor.records import HeldSignal


def figures_of(account: TerminalAccount) -> LeaderFigures:
    return LeaderFigures(
        balance=account.balance,
        currency=account.currency,
        equity=account.equity,
        free_margin=account.free_margin,
    )


def held_signals(
    changes: list[Change],
    figures: LeaderFigures,
    owner: Owner,
    stream: str,
    last_ordinal: int,
    now: datetime,
) -> list[HeldSignal]:
    """The changes in order, numbered on from the stream's last ordinal."""
    return [
        HeldSignal(signal=_signal(change, figures, owner, stream, ordinal, now), seen_at=now)
        for ordinal, change in enumerate(changes, last_ordinal + 1)
    ]


def _signal(
    change: Change, figures: LeaderFigures, owner: Owner, stream: str, ordinal: int, now: datetime
) -> Signal:
    position_ref, order_ref = _refs(change, owner)
    return Signal(
        signal_id=SignalId(f"{stream}-{ordinal}"),
        action=change.action,
        position_ref=position_ref,
        order_ref=order_ref,
        deal_id=change.deal_id,
        symbol=change.symbol,
        side=change.side,
        order_type=change.order_type,
        volume=change.volume,
        volume_before=change.before,
        volume_after=change.after,
        price=change.price,
        stop_loss=change.stop_loss,
        take_profit=change.take_profit,
        order_expires_at=change.expires_at,
        magic=change.magic,
        reason=change.reason,
        account=figures,
        occurred_at=change.at or now,
        stream_id=stream,
        ordinal=ordinal,
    )


def _refs(change: Change, owner: Owner) -> tuple[PositionRef, PositionRef | None]:
    order = owner.order_ref(change.ticket) if change.ticket is not None else None
    if change.position_id is not None:
        return owner.position_ref(change.position_id), order
    assert order is not None, "a change is of a position or of an order"
    return order, order
