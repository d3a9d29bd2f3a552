"""Money paid in or out is neither profit nor loss: every mark of the account moves with it."""

from datetime import datetime

from kopitra.domain.guard_marks import Mark, after_flow
from kopitra.domain.guards import GuardBasis
from kopitra.domain.telemetry import BalanceOperation
from kopitra.machine.events import GuardMarked
from kopitra.machine.state import Account
from kopitra.machine.stop_events import KeptMark

CREDIT = "credit"
"""Lent by the broker: part of equity, not of the balance."""


def moved_marks(
    account: Account, operation: BalanceOperation, received_at: datetime
) -> tuple[GuardMarked, ...]:
    moved = tuple(
        KeptMark(key, after)
        for key, mark in account.guard_marks.items()
        if _concerns(mark, operation)
        and (after := after_flow(mark, operation.amount, operation.executed_at, received_at)) != mark
    )
    return (GuardMarked(account=account.account, marks=moved),) if moved else ()


def _concerns(mark: Mark, operation: BalanceOperation) -> bool:
    if mark.currency != operation.currency:
        return False
    return operation.kind != CREDIT or mark.basis is GuardBasis.EQUITY
