"""What the machine knows, all of it rebuilt from events. Everything that grows with use hangs under one account.

Derived indexes (`SKIPPED_IN_SNAPSHOTS`) are rebuilt when a snapshot is loaded.
"""

# ruff: noqa: RUF012 - every struct gets its own copy of an empty default

from collections.abc import Iterator
from datetime import datetime

from kopitra.domain.guard_marks import Mark
from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId, GroupId, JournalId, SubscriptionId, TenantId
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import NOTHING_IN_FORCE, CopySettings, SettingsScope
from kopitra.machine.account_state import (
    Account,
    AnsweredKey,
    Device,
    GuardHold,
    HeldBack,
    Incident,
    OutboxItem,
    Session,
    Silence,
)
from kopitra.machine.control_events import HaltMode
from kopitra.machine.following_state import (
    FIRST_MAGIC,
    LAST_MAGIC,
    LIVE,
    Copy,
    CopyStatus,
    FollowerBook,
    NetSymbol,
    Released,
)
from kopitra.machine.leading_state import LeaderBook, LeaderPosition
from kopitra.machine.mutable import Mutable

__all__ = [
    "FIRST_MAGIC",
    "LAST_MAGIC",
    "LIVE",
    "SKIPPED_IN_SNAPSHOTS",
    "Account",
    "AnsweredKey",
    "Copy",
    "CopyStatus",
    "Device",
    "FollowerBook",
    "Group",
    "GuardHold",
    "HeldBack",
    "Incident",
    "LeaderBook",
    "LeaderPosition",
    "Mutable",
    "NetSymbol",
    "OutboxItem",
    "Released",
    "Session",
    "SettingsLayer",
    "Silence",
    "State",
    "Subscription",
]


class Group(Mutable):
    group: GroupId
    tenant: TenantId
    revision: int
    leaders: tuple[AccountId, ...]
    enabled: bool = True
    copies_of_copies: bool = False
    since: dict[AccountId, datetime] = {}
    """Leader → from when on its trades have been copied in this group."""


class Subscription(Mutable):
    subscription: SubscriptionId
    tenant: TenantId
    revision: int
    group: GroupId
    follower: AccountId
    settings: CopySettings
    """Its own layer."""
    enabled: bool = True
    rules_version: int = 0
    """Sequence of the last event that changed the rules in force."""
    since: datetime | None = None
    """From when on it has been enabled: what its leaders had open before, it joins late."""
    rules: CopyRules = NOTHING_IN_FORCE
    """Index: the rules in force, of all layers. They can be used as long as the subscription is enabled."""


class SettingsLayer(Mutable):
    """What is set for a tenant's whole platform, a group or a follower."""

    scope: SettingsScope
    target: str
    tenant: TenantId
    revision: int
    settings: CopySettings
    guards: tuple[Guard, ...] = ()


class State(Mutable):
    journal_id: JournalId
    shard: str
    sequence: int = 0
    """The last sequence applied."""
    accounts: dict[AccountId, Account] = {}
    groups: dict[GroupId, Group] = {}
    subscriptions: dict[SubscriptionId, Subscription] = {}
    layers: dict[str, SettingsLayer] = {}
    """`scope:target` → layer; a platform's target is its tenant."""
    halts: dict[str, HaltMode] = {}
    """`scope:target` → mode."""
    halt_revisions: dict[str, int] = {}
    leaving: dict[str, datetime] = {}
    """`scope:target` → since when copies of what it unsubscribed wait to be ended or released: one event had no room
    for them all (`decisions.unsubscribing`)."""
    guard_marks: dict[str, Mark] = {}
    """Guard key → how high the result of all its accounts together has been; of guards over a sum only."""
    guard_holds: dict[str, GuardHold] = {}
    """Guard key → the guard over a sum that was hit."""
    checkpoints: dict[str, int] = {}
    by_leader: dict[AccountId, tuple[SubscriptionId, ...]] = {}
    """Index: enabled subscriptions of each leader, in the order of their ids."""
    codes: dict[str, AccountId] = {}
    """Index: hash of an unused enrolment code → its account."""
    by_follower: dict[AccountId, tuple[SubscriptionId, ...]] = {}
    """Index: enabled subscriptions of each follower, in the order of their ids."""
    by_group: dict[GroupId, tuple[SubscriptionId, ...]] = {}
    """Index: all subscriptions of each group, in the order of their ids."""
    of_follower: dict[AccountId, tuple[SubscriptionId, ...]] = {}
    """Index: all subscriptions of each follower, in the order of their ids."""
    grown: set[AccountId] = set()
    """Accounts whose outbox got an item since someone took this set: whom to wake. Not part of what is remembered."""

    def copies_of(self, position: LeaderPosition) -> Iterator[Copy]:
        """In the order in which they were opened, without those whose leg has ended and that are forgotten."""
        for account, copy_id in position.copies:
            copy = self.accounts[account].following.copies.get(copy_id)
            if copy is not None:
                yield copy

    def is_wanted(self, copy: Copy) -> bool:
        """Whether the part of its leader's trade that it copies lives."""
        leader = self.accounts.get(copy.leader)
        position = leader.leading.positions.get(copy.position_ref) if leader is not None else None
        return position is not None and copy.leg in position.legs

    def papers_of(self, position: LeaderPosition) -> Iterator[Copy]:
        for account, copy_id in position.paper:
            yield self.accounts[account].following.paper[copy_id]


SKIPPED_IN_SNAPSHOTS: dict[type[Mutable], frozenset[str]] = {
    State: frozenset({"by_leader", "codes", "by_follower", "by_group", "of_follower", "grown"}),
    Subscription: frozenset({"rules"}),
    Account: frozenset({"queue", "urgent"}),
}
"""Indexes: `machine.indexes` rebuilds them; neither snapshots nor the state hash hold them."""
