"""A change of the book as a signal: with its place in the stream and the account's figures."""

from datetime import datetime

import msgspec

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


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """When a look noticed its changes (aware UTC, and on the monotonic clock), and when they can have happened at the
    earliest: at the look before; None where that is not known. `broker_at`: what time it was by the broker's clock."""

    at: datetime
    monotonic: float
    not_before: datetime | None
    broker_at: datetime | None = None

    def age_counts_from(self, change: Change) -> datetime:
        """What happened while nobody looked is as old as the broker says, and not older than the look before: so a
        broker's wrong clock does no harm while we look all the time, and a trade made while the agent was away is not
        taken for a fresh one; nor is it where this machine's clock was set back meanwhile: the broker's went on."""
        if change.at is None:
            happened = self.at
        else:
            happened = min(change.at, self.at)
            if self.broker_at is not None:
                happened = min(happened, self.at - (self.broker_at - change.at))
        return happened if self.not_before is None else max(happened, self.not_before)

    def on_monotonic(self, since: datetime) -> float:
        return self.monotonic - (self.at - since).total_seconds()


def held_signals(
    changes: list[Change],
    figures: LeaderFigures,
    owner: Owner,
    stream: str,
    last_ordinal: int,
    noticed: Noticed,
) -> list[HeldSignal]:
    """The changes in order, numbered on from the stream's last ordinal."""
    held: list[HeldSignal] = []
    for ordinal, change in enumerate(changes, last_ordinal + 1):
        since = noticed.age_counts_from(change)
        held.append(
            HeldSignal(
                signal=_signal(change, figures, owner, stream, ordinal, noticed.at),
                since=since,
                since_monotonic=noticed.on_monotonic(since),
            )
        )
    return held


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
