"""A leader whose EA is not heard of: nothing new is opened for it, and after a longer time its copies may be closed.

Each subscription says how long that is. Only contact counts: a session that ended is as silent as a dead line.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from kopitra.domain.identifiers import AccountId, SubscriptionId, derived_id
from kopitra.domain.outbox_types import OutboxType
from kopitra.machine.decisions.hearing import is_heard
from kopitra.machine.decisions.standing_still import Sweep
from kopitra.machine.events import (
    AnyEvent,
    IncidentClosed,
    IncidentOpened,
    LeaderHeard,
    LeaderSilent,
    ResyncRequested,
)
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, State, Subscription

BACK = "leader_silent"
"""Why a leader that is heard of again is asked for its whole book."""


def silences(sweep: Sweep) -> Iterator[AnyEvent]:
    """Leaders that have been silent for too long by now, and those that are back."""
    for account in sweep.state.accounts.values():
        if account.silences and is_heard(account, sweep.context):
            yield from _is_back(account)
        elif _has_led(sweep.state, account):
            yield from _is_silent(account, sweep)


def silence_incident(leader: AccountId) -> str:
    return derived_id("i-", "leader_silent", leader)


def _has_led(state: State, account: Account) -> bool:
    """An account that never sent a trade is no leader whose silence matters."""
    if not account.leading.stream_id and not account.leading.positions:
        return False
    return bool(account.leading.positions) or account.account in state.by_leader


def _is_silent(account: Account, sweep: Sweep) -> Iterator[AnyEvent]:
    state, context = sweep.state, sweep.context
    contact = _last_sign(account, context)
    if contact is None:
        return
    silent: list[SubscriptionId] = []
    closing: list[SubscriptionId] = []
    copies = _copies(state, account)
    for subscription in _followers(state, account, copies):
        rules, known = subscription.rules, account.silences.get(subscription.subscription)
        age = context.now - contact
        if known is None and age >= timedelta(seconds=rules.leader_silence_seconds):
            silent.append(subscription.subscription)
        if rules.leader_silence_close_seconds is None or (known is not None and known.closed):
            continue
        if age >= timedelta(seconds=rules.leader_silence_close_seconds):
            closing.append(subscription.subscription)
    if silent or closing:
        yield from _noticed(account, contact, silent, closing, copies, sweep)


def _last_sign(account: Account, context: Context) -> datetime | None:
    """Its last call; where this process has had none, its last trade or the time at which the process began."""
    contact = context.readings.contacts.get(account.account)
    began = context.readings.began_at
    if contact is not None or began is None:
        return contact
    return max([began, *(position.opened_at for position in account.leading.positions.values())])


def _noticed(
    account: Account,
    since: datetime,
    silent: list[SubscriptionId],
    closing: list[SubscriptionId],
    copies: list[Copy],
    sweep: Sweep,
) -> Iterator[AnyEvent]:
    to_close = sweep.stop((c for c in copies if c.subscription in closing), positions=True)
    to_hold = sweep.stop((c for c in copies if c.subscription in silent), positions=False, resting=False)
    yield LeaderSilent(
        account=account.account,
        since=since,
        subscriptions=tuple(silent),
        closing=tuple(closing),
        withdrawn=(*to_close.withdrawn, *to_hold.withdrawn),
        orders=to_close.orders,
        recalled=(*to_close.recalled, *to_hold.recalled),
    )
    incident = silence_incident(account.account)
    if incident not in account.incidents:
        yield IncidentOpened(
            incident=incident,
            kind="leader_silent",
            account=account.account,
            detail=f"no sign of the leader's EA since {since.isoformat()}; nothing new is opened for it",
        )


def _is_back(account: Account) -> Iterator[AnyEvent]:
    yield LeaderHeard(account=account.account)
    if not any(item.event_type == OutboxType.RESYNC_REQUESTED for item in account.outbox.values()):
        yield ResyncRequested(account=account.account, reason=BACK)
    incident = silence_incident(account.account)
    if incident in account.incidents:
        yield IncidentClosed(incident=incident, account=account.account, cause="heard")


def _copies(state: State, account: Account) -> list[Copy]:
    return [
        copy
        for position in account.leading.positions.values()
        for copy in state.copies_of(position)
        if copy.live
    ]


def _followers(state: State, account: Account, copies: list[Copy]) -> Iterator[Subscription]:
    """Whoever copies the leader now, and whoever still holds copies."""
    found = dict.fromkeys(state.by_leader.get(account.account, ()))
    found.update(dict.fromkeys(copy.subscription for copy in copies))
    for subscription in found:
        if subscription in state.subscriptions:
            yield state.subscriptions[subscription]
