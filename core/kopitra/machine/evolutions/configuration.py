"""Accounts, groups and subscriptions become what was published last."""

from datetime import datetime

from kopitra.domain.identifiers import AccountId
from kopitra.domain.limits import SPENT_CODES_KEPT
from kopitra.domain.outbox_types import OutboxType
from kopitra.domain.settings import rules_of
from kopitra.machine.events import (
    AccountConfigured,
    Enrolled,
    GroupConfigured,
    Recorded,
    SettingsConfigured,
    StaleIgnored,
    SubscriptionConfigured,
    UnsubscribedBy,
)
from kopitra.machine.evolutions.outbox import add_note, retire_notes
from kopitra.machine.indexes import (
    forget_code,
    forget_subscription,
    index_code,
    index_subscription,
    members_of,
)
from kopitra.machine.layers import concerned, layer_key, layers_of
from kopitra.machine.leaving import forget_leaving
from kopitra.machine.state import Account, Device, Group, SettingsLayer, State, Subscription

CONFIG_NOTES = frozenset({OutboxType.CONFIG_CHANGED})


def account_configured(state: State, event: AccountConfigured, recorded: Recorded) -> None:
    account = state.accounts.get(event.account)
    changed = account is not None
    if account is None:
        account = Account(account=event.account, tenant=event.tenant, revision=event.revision)
        state.accounts[event.account] = account
    forget_code(state, account)
    forget_leaving(state, UnsubscribedBy.FOLLOWER, event.account)
    account.revision = event.revision
    account.enabled = event.enabled
    account.requires_approval = event.requires_approval
    account.label = event.label
    account.enrolment_code_hash = event.enrolment_code_hash
    account.enrolment_expires_at = event.enrolment_expires_at
    account.revoked_devices = event.revoked_devices
    for device in event.revoked_devices:
        account.devices.pop(device, None)
    index_code(state, account)
    if changed:  # a new account has no EA yet that could be told
        payload = {"scope": "account", "revision": str(event.revision)}
        retire_notes(account, CONFIG_NOTES)
        add_note(state, event.account, OutboxType.CONFIG_CHANGED, payload, recorded)


def group_configured(state: State, event: GroupConfigured, recorded: Recorded) -> None:
    group = state.groups.get(event.group)
    members = members_of(state, group) if group is not None else []
    for member in members:
        forget_subscription(state, member)
    forget_leaving(state, UnsubscribedBy.GROUP, event.group)
    state.groups[event.group] = Group(
        group=event.group,
        tenant=event.tenant,
        revision=event.revision,
        leaders=event.leaders,
        enabled=event.enabled,
        copies_of_copies=event.copies_of_copies,
        since=_served_since(group, event, recorded),
    )
    for member in members:
        index_subscription(state, member)


def _served_since(
    former: Group | None, event: GroupConfigured, recorded: Recorded
) -> dict[AccountId, datetime]:
    """A leader that was in force before keeps its beginning; all begin anew when a group is enabled again."""
    if not event.enabled:
        return {}
    known = former.since if former is not None else {}
    return {leader: known.get(leader, recorded.at) for leader in event.leaders}


def subscription_configured(state: State, event: SubscriptionConfigured, recorded: Recorded) -> None:
    forget_leaving(state, UnsubscribedBy.SUBSCRIPTION, event.subscription)
    former = state.subscriptions.get(event.subscription)
    if former is not None:
        forget_subscription(state, former)
    subscription = Subscription(
        subscription=event.subscription,
        tenant=event.tenant,
        revision=event.revision,
        group=event.group,
        follower=event.follower,
        settings=event.rules,
        enabled=event.enabled,
        since=former.since if former is not None and former.enabled else recorded.at,
    )
    if former is not None:
        subscription.rules, subscription.rules_version = former.rules, former.rules_version
    _settle_rules(state, subscription, recorded)
    state.subscriptions[event.subscription] = subscription
    index_subscription(state, subscription)


def settings_configured(state: State, event: SettingsConfigured, recorded: Recorded) -> None:
    state.layers[layer_key(event.scope, event.target)] = SettingsLayer(
        scope=event.scope,
        target=event.target,
        tenant=event.tenant,
        revision=event.revision,
        settings=event.settings,
        guards=event.guards,
    )
    for subscription in concerned(state, event.scope, event.target):
        _settle_rules(state, subscription, recorded)


def _settle_rules(state: State, subscription: Subscription, recorded: Recorded) -> None:
    """What its layers come to by now."""
    rules = rules_of(layers_of(state, subscription))
    if rules != subscription.rules or not subscription.rules_version:
        subscription.rules_version = recorded.last
    subscription.rules = rules


def stale_ignored(state: State, event: StaleIgnored, recorded: Recorded) -> None:
    """Remembered in the journal only."""


def enrolled(state: State, event: Enrolled, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    forget_code(state, account)
    if account.enrolment_code_hash is not None:
        account.spent_codes.append(account.enrolment_code_hash)
        del account.spent_codes[:-SPENT_CODES_KEPT]
    account.enrolment_code_hash = None
    account.enrolment_expires_at = None
    account.devices[event.device] = Device(secret_hash=event.secret_hash, platform=event.platform)
