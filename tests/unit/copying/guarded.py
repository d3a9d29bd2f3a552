"""A world with guards, whose accounts report their figures as their EAs do."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.telemetry import AccountSnapshot, BalanceOperation
from kopitra.machine import commands
from kopitra.machine.events import AnyEvent, CopyDecision, GuardHit, GuardMarked
from kopitra.machine.outcome import Decision, Refusal
from kopitra.machine.readings import Figures
from tests.unit.copying.world import GROUP, TENANT, World, lots


def daily_loss(**changes: Any) -> Guard:
    """Five percent of the day's first equity."""
    fields: dict[str, Any] = {
        "name": "daily",
        "kind": "loss",
        "limit": "5",
        "unit": "percent",
        "period": "day",
        "resetBy": "period",
    }
    return msgspec.convert(fields | changes, Guard)


def trailing(**changes: Any) -> Guard:
    fields: dict[str, Any] = {
        "name": "trailing",
        "kind": "trailing_drawdown",
        "limit": "10",
        "unit": "percent",
        "period": "lifetime",
    }
    return msgspec.convert(fields | changes, Guard)


def gate(kind: str, unit: str, limit: str, **changes: Any) -> Guard:
    fields: dict[str, Any] = {"name": kind, "kind": kind, "unit": unit, "limit": limit}
    return msgspec.convert(fields | changes, Guard)


class GuardedWorld(World):
    def __init__(self) -> None:
        super().__init__()
        self._paid = 0

    def guard(
        self, *guards: Guard, scope: SettingsScope = SettingsScope.FOLLOWER, target: str = "follower"
    ) -> None:
        self.do(
            commands.PublishSettings(
                scope=scope,
                target=target,
                tenant=TENANT,
                revision=self._next(),
                settings=CopySettings(),
                guards=guards,
            )
        )

    def guard_group(self, *guards: Guard) -> None:
        self.guard(*guards, scope=SettingsScope.GROUP, target=GROUP)

    def guard_platform(self, *guards: Guard) -> None:
        self.guard(*guards, scope=SettingsScope.PLATFORM, target=TENANT)

    def tell(
        self, account: AccountId, equity: str | Decimal, balance: str | Decimal = "10000", **changes: Any
    ) -> tuple[AnyEvent, ...]:
        """The account's EA reports its figures, as the inbox takes them."""
        known = self.state.accounts[account]
        fields: dict[str, Any] = {
            "login": 77,
            "server": "Broker",
            "balance": Decimal(balance),
            "equity": Decimal(equity),
            "currency": "USD",
        }
        snapshot = AccountSnapshot(**(fields | changes))
        figures = Figures(
            balance=snapshot.balance, currency=snapshot.currency, at=self.now, equity=snapshot.equity
        )
        self.readings.note_figures(account, figures, known.marked_at, known.flow_at)
        return self.do(commands.TakeFigures(account=account, snapshot=snapshot)).events

    def pay(
        self, account: AccountId, amount: str, kind: str = "deposit", at: datetime | None = None
    ) -> Decision:
        self._paid += 1
        operation = BalanceOperation(
            deal_id=f"b{self._paid}",
            kind=kind,
            amount=lots(amount),
            currency="USD",
            executed_at=at or self.now,
        )
        return self.do(commands.TakeBalance(account=account, operation=operation))

    def reset(
        self,
        name: str = "daily",
        scope: SettingsScope = SettingsScope.FOLLOWER,
        target: str = "follower",
        **changes: Any,
    ) -> Decision | Refusal:
        return self.ask(commands.ResetGuard(scope=scope, target=target, name=name, subject="op", **changes))

    def hits(self) -> list[GuardHit]:
        return [event for event in self.history if isinstance(event, GuardHit)]

    def marks(self) -> int:
        """How many events have journaled marks."""
        return sum(isinstance(event, GuardMarked) for event in self.history)


def reasons(decisions: tuple[CopyDecision, ...]) -> list[str | None]:
    return [decision.reason for decision in decisions]
