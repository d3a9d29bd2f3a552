"""The platform between leader and followers: the real core, inbox and outbox, under the history's clock."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from kopitra.application.delivery import Delivery
from kopitra.application.inbox import Inbox
from kopitra.application.machine import Machine
from kopitra.application.outbox_pages import Ask
from kopitra.domain.guards import STANDING, Guard
from kopitra.domain.identifiers import AccountId, GroupId, JournalId, SubscriptionId, TenantId
from kopitra.domain.settings import NOTHING_SET, CopySettings, SettingsScope
from kopitra.domain.trading import Signal
from kopitra.machine import commands
from kopitra.machine.commands import Command
from kopitra.machine.decisions.guard_measures import Measured, measure
from kopitra.machine.events import Recorded
from kopitra.machine.guards_in_force import Placed, guards_of
from kopitra.machine.outcome import Context, Refusal
from kopitra.machine.readings import Readings
from kopitra.machine.stamp import stamp
from kopitra.machine.state import OutboxItem
from kopitra.protocol.events import InboxType
from kopitra.protocol.inbox import InboxItem
from kopitra.protocol.messages import InboxEvent

TENANT = TenantId("what-if")
GROUP = GroupId("what-if")
LEADER = AccountId("leader")
SHARD = "what-if"
ITEMS_A_POLL = 100
UNREAD = msgspec.Raw(b"{}")
"""Payloads are handed over as values, not as JSON."""


class HistoryClock:
    """The history's time; implements the port Clock."""

    def __init__(self, begin: datetime) -> None:
        self._begin = self._now = begin

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._begin).total_seconds()

    def move_to(self, at: datetime) -> None:
        """Never back."""
        self._now = max(self._now, at.astimezone(UTC))


class CoreRefused(Exception):
    """The core refused what a sound run never asks: a defect of the run or a change of the core that it must follow."""

    def __init__(self, command: Command, refusal: Refusal) -> None:
        super().__init__(f"{type(command).__name__}: {refusal.code}: {refusal.detail}")


class Platform:
    """`on_event` is told of everything that the core records."""

    def __init__(self, clock: HistoryClock, on_event: Callable[[Recorded], None]) -> None:
        self._clock = clock
        self._on_event = on_event
        self._machine = Machine()
        self.state = self._machine.new_state(JournalId("what-if"), SHARD)
        self.readings = Readings()
        self._inbox = Inbox()
        self._delivery = Delivery(self, clock)
        self._cursors: dict[AccountId, int] = {}
        self._revision = 0

    @property
    def committed(self) -> int:
        """Everything is, at once."""
        return self.state.sequence

    def lead(self, rules: CopySettings, guards: tuple[Guard, ...]) -> None:
        """The leader and its group; `rules` and `guards` are every follower's."""
        self._do(commands.PublishAccount(account=LEADER, tenant=TENANT, revision=self._next()))
        self._do(commands.PublishGroup(group=GROUP, tenant=TENANT, revision=self._next(), leaders=(LEADER,)))

        self._set(SettingsScope.PLATFORM, "", rules, guards)

    def follow(self, follower: AccountId, rules: CopySettings, guards: tuple[Guard, ...]) -> None:
        self._do(commands.PublishAccount(account=follower, tenant=TENANT, revision=self._next()))
        self._set(SettingsScope.FOLLOWER, follower, NOTHING_SET, guards)
        self._do(
            commands.PublishSubscription(
                subscription=SubscriptionId(follower),
                tenant=TENANT,
                revision=self._next(),
                group=GROUP,
                follower=follower,
                rules=rules,
            )
        )

    def take(self, signal: Signal) -> None:
        """The leader's intent."""
        self._do(commands.TakeSignal(account=LEADER, signal=signal))

    def tell(self, account: AccountId, *payloads: tuple[InboxType, Any]) -> None:
        """What an account's EA reports, in order."""
        items = [
            InboxItem(InboxEvent(event_type=kind, payload=UNREAD), payload) for kind, payload in payloads
        ]
        for command in self._inbox.take(account, items, self.state, self.readings, self._clock.now()):
            self._do(command)

    def tick(self) -> None:
        self._do(commands.Tick())

    def woken(self) -> Sequence[AccountId]:
        """Whose outboxes got something since this was asked last."""
        grown, self.state.grown = sorted(self.state.grown), set()
        return grown

    def fetch(self, account: AccountId) -> list[OutboxItem]:
        """What an EA's poll brings, in order."""
        found: dict[int, OutboxItem] = {}
        more = True
        while more:
            page = self._delivery.page(Ask(account, self._cursors.get(account, 0), ITEMS_A_POLL))
            self._cursors[account], more = page.cursor, page.more
            found |= {item.sequence: item for item in (*page.urgent, *page.events)}
        return [found[sequence] for sequence in sorted(found)]

    def held_until(self, account: AccountId) -> datetime | None:
        """When the next delayed item of an account may be fetched."""
        now = self._clock.now()
        items = self.state.accounts[account].outbox.values()
        return min(
            (i.not_before for i in items if i.not_before is not None and i.not_before > now), default=None
        )

    def measured(self, account: AccountId) -> Iterator[tuple[Placed, Measured]]:
        """How far an account has used each standing guard of its own, as far as that is known."""
        own, context = self.state.accounts[account], Context(now=self._clock.now(), readings=self.readings)
        for placed in guards_of(self.state, own):
            if placed.guard.kind in STANDING and placed.guard.each:
                found = measure(own, placed, own.guard_marks.get(placed.key), context)
                if found is not None:
                    yield placed, found

    def due_again(self) -> datetime | None:
        """When a refused order of any account is driven again."""
        dues = [held.due for account in self.state.accounts.values() for held in account.held_back.values()]
        return min(dues, default=None)

    def _set(
        self, scope: SettingsScope, target: str, settings: CopySettings, guards: tuple[Guard, ...]
    ) -> None:
        if settings == NOTHING_SET and not guards:
            return
        layer = commands.PublishSettings(
            scope=scope,
            target=target,
            tenant=TENANT,
            revision=self._next(),
            settings=settings,
            guards=guards,
        )
        self._do(layer)

    def _next(self) -> int:
        self._revision += 1
        return self._revision

    def _do(self, command: Command) -> None:
        context = Context(now=self._clock.now(), readings=self.readings)
        result = self._machine.decide(self.state, command, context)
        if isinstance(result, Refusal):
            raise CoreRefused(command, result)
        for recorded in stamp(result.events, self.state.sequence, context):
            self._machine.evolve(self.state, recorded)
            self._on_event(recorded)
