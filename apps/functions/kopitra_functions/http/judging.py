"""What the counterparty would say to a publication, asked before it is saved: by the same decisions, over the tenant's
configuration as SQL has it. So nothing is stored that would be refused afterwards, where no operator sees it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.engine import RowMapping

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId, GroupId, JournalId, SubscriptionId, TenantId
from kopitra.domain.settings import NOTHING_SET, CopySettings, SettingsScope
from kopitra.machine.commands import PublishGroup, PublishSettings, PublishSubscription
from kopitra.machine.decisions.configuration import publish_group, publish_subscription
from kopitra.machine.decisions.settings import publish_settings
from kopitra.machine.indexes import rebuild
from kopitra.machine.layers import layer_key
from kopitra.machine.outcome import Context, Refusal, Result
from kopitra.machine.readings import Readings
from kopitra.machine.state import Account, Group, SettingsLayer, State, Subscription
from kopitra.protocol.exchange import of_refusal
from kopitra_functions.sql.tables import (
    accounts,
    copy_groups,
    group_leaders,
    settings_layers,
    subscriptions,
)

Filter = ColumnElement[bool]


def judge_group(connection: Connection, command: PublishGroup, now: datetime) -> None:
    """Raises Rejected."""
    state = _state(connection, command.tenant, rules=False)
    _raise(publish_group(state, command, _context(now)))


def judge_subscription(connection: Connection, command: PublishSubscription, now: datetime) -> None:
    """Raises Rejected."""
    state = _state(connection, command.tenant, rules=False)
    _add_layers(connection, state, command.tenant, groups=(command.group,), followers=(command.follower,))
    _raise(publish_subscription(state, command, _context(now)))


def judge_settings(connection: Connection, command: PublishSettings, now: datetime) -> None:
    """Raises Rejected."""
    concerned: tuple[Filter, ...] = ()
    if command.scope is SettingsScope.GROUP:
        concerned = (subscriptions.c.copy_group == command.target,)
    elif command.scope is SettingsScope.FOLLOWER:
        concerned = (subscriptions.c.follower == command.target,)
    state = _state(connection, command.tenant, concerned, rules=True)
    members = state.subscriptions.values()
    _add_layers(
        connection,
        state,
        command.tenant,
        groups={member.group for member in members},
        followers={member.follower for member in members},
    )
    _raise(publish_settings(state, command, _context(now)))


def read_layer(row: RowMapping) -> tuple[CopySettings, tuple[Guard, ...]]:
    """A row's settings and guards, as they were checked when they were saved."""
    settings = msgspec.convert(row["settings"], CopySettings, strict=False)
    return settings, msgspec.convert(row["guards"], tuple[Guard, ...], strict=False)


def read_rules(raw: Any) -> CopySettings:
    return msgspec.convert(raw, CopySettings, strict=False)


def _state(
    connection: Connection, tenant: TenantId, concerned: tuple[Filter, ...] = (), *, rules: bool
) -> State:
    """The tenant's accounts, groups and subscriptions; these with their own layers only where `rules` are asked for:
    to know who copies whom takes none."""
    state = State(journal_id=JournalId("management"), shard="management")
    known = select(accounts.c.account, accounts.c.revision).where(accounts.c.tenant == tenant)
    for account, revision in connection.execute(known):
        state.accounts[account] = Account(account=account, tenant=tenant, revision=revision)
    for group in _groups(connection, tenant):
        state.groups[group.group] = group
    for subscription in _subscriptions(connection, tenant, concerned, rules=rules):
        state.subscriptions[subscription.subscription] = subscription
    rebuild(state)
    return state


def _groups(connection: Connection, tenant: TenantId) -> Iterable[Group]:
    leaders: dict[str, list[AccountId]] = {}
    by_position = (
        select(group_leaders.c.copy_group, group_leaders.c.leader)
        .where(group_leaders.c.tenant == tenant)
        .order_by(group_leaders.c.copy_group, group_leaders.c.position)
    )
    for group, leader in connection.execute(by_position):
        leaders.setdefault(group, []).append(leader)
    for row in connection.execute(select(copy_groups).where(copy_groups.c.tenant == tenant)):
        yield Group(
            group=GroupId(row.copy_group),
            tenant=tenant,
            revision=row.revision,
            leaders=tuple(leaders.get(row.copy_group, ())),
            enabled=row.enabled,
            copies_of_copies=row.copies_of_copies,
        )


def _subscriptions(
    connection: Connection, tenant: TenantId, concerned: tuple[Filter, ...], *, rules: bool
) -> Iterable[Subscription]:
    table = subscriptions.c
    columns = [table.subscription, table.copy_group, table.follower, table.enabled, table.revision]
    if rules:
        columns.append(table.rules)
    for row in connection.execute(select(*columns).where(table.tenant == tenant, *concerned)):
        yield Subscription(
            subscription=SubscriptionId(row.subscription),
            tenant=tenant,
            revision=row.revision,
            group=GroupId(row.copy_group),
            follower=AccountId(row.follower),
            settings=read_rules(row.rules) if rules else NOTHING_SET,
            enabled=row.enabled,
        )


def _add_layers(
    connection: Connection,
    state: State,
    tenant: TenantId,
    *,
    groups: Iterable[str],
    followers: Iterable[str],
) -> None:
    """Those that count for these groups and followers, and the platform's."""
    wanted = {
        (SettingsScope.PLATFORM, ""),
        *((SettingsScope.GROUP, group) for group in groups),
        *((SettingsScope.FOLLOWER, follower) for follower in followers),
    }
    query = select(settings_layers).where(settings_layers.c.tenant == tenant)
    for row in connection.execute(query).mappings():
        scope = SettingsScope(row["scope"])
        if (scope, row["target"]) not in wanted:
            continue
        settings, guards = read_layer(row)
        target = tenant if scope is SettingsScope.PLATFORM else row["target"]
        state.layers[layer_key(scope, target)] = SettingsLayer(
            scope=scope,
            target=target,
            tenant=tenant,
            revision=row["revision"],
            settings=settings,
            guards=guards,
        )


def _context(now: datetime) -> Context:
    return Context(now=now, readings=Readings())


def _raise(result: Result) -> None:
    if isinstance(result, Refusal):
        raise of_refusal(result)
