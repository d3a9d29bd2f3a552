"""Deposits, withdrawals and credits of the ledger."""

from kopitra.domain.telemetry import BalanceOperation
from kopitra_agent.account import Owner
from kopitra_agent.ports.terminal import Deal


def balance_operation_of(deal: Deal, owner: Owner) -> BalanceOperation:
    return BalanceOperation(
        deal_id=deal.deal_id,
        kind=deal.kind,
        amount=deal.profit,
        currency=owner.currency,
        executed_at=deal.executed_at,
    )
