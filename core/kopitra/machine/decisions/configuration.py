"""Accounts, groups and subscriptions as the management side publishes them, each with a revision that only grows."""

from datetime import datetime, timedelta

from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.domain.limits import ENROLMENT_CODE_HOURS
from kopitra.machine.commands import PublishAccount, PublishGroup, PublishSubscription
from kopitra.machine.decisions.copy_graph import Edges, refuse_edges
from kopitra.machine.decisions.refusals import account_unknown, group_unknown, tenant_crossed
from kopitra.machine.decisions.revisions import APPLIED, overtaken
from kopitra.machine.decisions.settings import refuse_rules
from kopitra.machine.decisions.unsubscribing import (
    copies_of,
    copies_of_follower,
    copies_of_group,
    unsubscribed,
)
from kopitra.machine.events import (
    AccountConfigured,
    AnyEvent,
    GroupConfigured,
    SessionEnd,
    SessionEnded,
    SubscriptionConfigured,
    UnsubscribedBy,
)
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import Account, Group, State, Subscription


def publish_account(state: State, command: PublishAccount, context: Context) -> Result:
    known = state.accounts.get(command.account)
    if known is not None:
        if known.tenant != command.tenant:
            return tenant_crossed(f"Account {command.account}")
        if command.revision <= known.revision:
            return overtaken(f"account:{command.account}", command.revision, known.revision)
    code = command.enrolment_code_hash
    if code is not None and state.codes.get(code, command.account) != command.account:
        return Refusal(
            status=409, code="enrolment_code_taken", detail="Another account has this enrolment code."
        )
    if known is not None and code in known.spent_codes:
        code = None
    configured = AccountConfigured(
        account=command.account,
        tenant=command.tenant,
        revision=command.revision,
        enabled=command.enabled,
        requires_approval=command.requires_approval,
        enrolment_code_hash=code,
        enrolment_expires_at=_code_expiry(known, code, command, context) if code is not None else None,
        label=command.label,
        revoked_devices=command.revoked_devices,
    )
    return Decision(
        (configured, *_cut_off(known, command, context), *_left(state, command, context)), APPLIED
    )


def publish_group(state: State, command: PublishGroup, context: Context) -> Result:
    known = state.groups.get(command.group)
    if known is not None:
        if known.tenant != command.tenant:
            return tenant_crossed(f"Group {command.group}")
        if command.revision <= known.revision:
            return overtaken(f"group:{command.group}", command.revision, known.revision)
    leaders = tuple(dict.fromkeys(command.leaders))
    if not leaders:
        return Refusal(
            status=422, code="group_without_leaders", detail=f"Group {command.group} names no leader."
        )
    for leader in leaders:
        refusal = _refuse_member(state, leader, command.tenant)
        if refusal is not None:
            return refusal
    members = [state.subscriptions[s] for s in state.by_group.get(command.group, ())]
    refusal = refuse_edges(state, Edges.of_group(leaders, members, command.enabled))
    if refusal is not None:
        return refusal
    event = GroupConfigured(
        group=command.group,
        tenant=command.tenant,
        revision=command.revision,
        leaders=leaders,
        enabled=command.enabled,
        copies_of_copies=command.copies_of_copies,
    )
    leaving = copies_of_group(state, members, leaders, command.enabled)
    left = unsubscribed(state, UnsubscribedBy.GROUP, command.group, leaving, context)
    return Decision((event, *left), APPLIED)


def publish_subscription(state: State, command: PublishSubscription, context: Context) -> Result:
    known = state.subscriptions.get(command.subscription)
    if known is not None:
        if known.tenant != command.tenant:
            return tenant_crossed(f"Subscription {command.subscription}")
        if command.revision <= known.revision:
            return overtaken(f"subscription:{command.subscription}", command.revision, known.revision)
    group = state.groups.get(command.group)
    if group is None:
        return group_unknown(command.group)
    if group.tenant != command.tenant:
        return tenant_crossed(f"Group {command.group}")
    refusal = (
        _refuse_member(state, command.follower, command.tenant)
        or _refuse_move(known, command)
        or refuse_edges(state, _edges_of(command, group))
    )
    if refusal is not None:
        return refusal
    subscription = _published(command)
    rules = refuse_rules(state, subscription)
    if isinstance(rules, Refusal):
        return rules
    event = SubscriptionConfigured(
        subscription=command.subscription,
        tenant=command.tenant,
        revision=command.revision,
        group=command.group,
        follower=command.follower,
        rules=command.rules,
        enabled=command.enabled,
    )
    if command.enabled or known is None:
        return Decision((event,), APPLIED)
    leaving = copies_of(state, known, rules.rules.unsubscribe)
    left = unsubscribed(state, UnsubscribedBy.SUBSCRIPTION, command.subscription, leaving, context)
    return Decision((event, *left), APPLIED)


def _code_expiry(known: Account | None, code: str, command: PublishAccount, context: Context) -> datetime:
    """Publishing the same code again without an expiry does not prolong its life."""
    if command.enrolment_expires_at is not None:
        return command.enrolment_expires_at
    if known is not None and known.enrolment_code_hash == code and known.enrolment_expires_at is not None:
        return known.enrolment_expires_at
    return context.now + timedelta(hours=ENROLMENT_CODE_HOURS)


def _cut_off(known: Account | None, command: PublishAccount, context: Context) -> tuple[AnyEvent, ...]:
    """A device that is revoked while it holds the session loses it in the same record."""
    if known is None or known.session is None or known.session.device not in command.revoked_devices:
        return ()
    ended = SessionEnded(
        account=command.account,
        session=known.session.session,
        reason=SessionEnd.FORCED,
        subject=context.actor or "config.publish",
    )
    return (ended,)


def _refuse_member(state: State, account: AccountId, tenant: TenantId) -> Refusal | None:
    member = state.accounts.get(account)
    if member is None:
        return account_unknown(account)
    return tenant_crossed(f"Account {account}") if member.tenant != tenant else None


def _refuse_move(known: Subscription | None, command: PublishSubscription) -> Refusal | None:
    """Ids of copies are made of the subscription's, so it stays with one follower and one group for ever."""
    if known is None or (known.follower == command.follower and known.group == command.group):
        return None
    return Refusal(
        status=409,
        code="subscription_moved",
        detail=f"Subscription {command.subscription} is {known.follower}'s in group {known.group}; "
        "publish another subscription instead.",
    )


def _left(state: State, command: PublishAccount, context: Context) -> tuple[AnyEvent, ...]:
    """What becomes of the copies of a follower that is not enabled any more."""
    if command.enabled:
        return ()
    leaving = copies_of_follower(state, command.account)
    return unsubscribed(state, UnsubscribedBy.FOLLOWER, command.account, leaving, context)


def _published(command: PublishSubscription) -> Subscription:
    return Subscription(
        subscription=command.subscription,
        tenant=command.tenant,
        revision=command.revision,
        group=command.group,
        follower=command.follower,
        settings=command.rules,
        enabled=command.enabled,
    )


def _edges_of(command: PublishSubscription, group: Group) -> Edges:
    return Edges(
        leaders=group.leaders,
        followers=(command.follower,),
        replaced=frozenset({command.subscription}),
        copies=command.enabled and group.enabled,
    )
