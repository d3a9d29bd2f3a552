"""What operators see of the live state; money and volumes as they are kept, times as the wire writes them."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, DeviceId, ProposalId, SessionId, TenantId
from kopitra.domain.instants import rfc3339
from kopitra.machine.decisions.halting import halts_account
from kopitra.machine.readings import Readings
from kopitra.machine.state import Account, Incident, State


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A JSON-ready picture."""


class IncidentView(View, frozen=True):
    incident: str
    kind: str
    detail: str
    since: str
    copy_id: str | None = None


class SessionView(View, frozen=True):
    session_id: SessionId
    account: AccountId
    tenant: TenantId
    status: str
    device_id: DeviceId
    opened_at: str
    lease_expires_at: str | None
    last_contact_at: str | None
    balance_at: str | None
    """When the EA last told its balance; None: not since this instance serves, so no size can depend on it yet."""
    quotes_at: str | None
    """When the EA last told a quote, likewise."""
    snapshot_at: str | None
    """When the EA last told its whole book, likewise."""
    balance: Decimal | None
    """As last told, in `currency`, like `equity`."""
    equity: Decimal | None
    currency: str | None
    silent: bool
    pending_commands: int
    """Orders that the EA has not ended yet, those that wait to be driven again included."""
    unknown_acks: int
    """Acknowledgements of events that were not pending, since this instance serves."""
    live_copies: int
    leader_positions: int
    halted_by: str | None
    platform: str | None
    client_version: str | None
    incidents: tuple[IncidentView, ...]


def session_views(state: State, readings: Readings, tenant: TenantId | None) -> list[SessionView]:
    """Live sessions of one tenant, or of all (None), by account."""
    return [
        session_view(state, readings, account)
        for account in sorted(state.accounts.values(), key=lambda account: account.account)
        if account.session is not None and tenant in (None, account.tenant)
    ]


def session_view(state: State, readings: Readings, account: Account) -> SessionView:
    """Raises ValueError for an account without a session."""
    session = account.session
    if session is None:
        raise ValueError(f"account {account.account} has no session")
    lease = readings.leases.get(account.account)
    figures = readings.figures.get(account.account)
    quoted = [quote.at for quote in readings.quotes.get(account.account, {}).values() if quote.at is not None]
    return SessionView(
        session_id=session.session,
        account=account.account,
        tenant=account.tenant,
        status="authenticated" if session.approved else "pending",
        device_id=session.device,
        opened_at=rfc3339(session.opened_at),
        lease_expires_at=_told(lease.expires_at if lease is not None else None),
        last_contact_at=_told(readings.contacts.get(account.account)),
        balance_at=_told(figures.at if figures is not None else None),
        quotes_at=_told(max(quoted, default=None)),
        snapshot_at=_told(readings.snapshots.get(account.account)),
        balance=figures.balance if figures is not None else None,
        equity=figures.equity if figures is not None else None,
        currency=figures.currency if figures is not None else None,
        silent=account.silent,
        pending_commands=len(account.commands) + len(account.held_back),
        unknown_acks=readings.unknown_acks.get(account.account, 0),
        live_copies=sum(copy.live for copy in account.following.copies.values()),
        leader_positions=len(account.leading.positions),
        halted_by=halts_account(state, account.account),
        platform=session.platform,
        client_version=session.client_version,
        incidents=tuple(_incident(incident) for incident in account.incidents.values()),
    )


def _told(at: datetime | None) -> str | None:
    return rfc3339(at) if at is not None else None


def _incident(incident: Incident) -> IncidentView:
    return IncidentView(
        incident=incident.incident,
        kind=incident.kind,
        detail=incident.detail,
        since=rfc3339(incident.at),
        copy_id=incident.copy_id,
    )


def owner_of_session(state: State, session: SessionId) -> Account | None:
    """The account whose session this is, or recently was."""
    for account in state.accounts.values():
        if session in account.ended_sessions:
            return account
    return account_of_session(state, session)


def account_of_session(state: State, session: SessionId) -> Account | None:
    """The account whose live session this is."""
    for account in state.accounts.values():
        if account.session is not None and account.session.session == session:
            return account
    return None


def account_of_proposal(state: State, proposal: ProposalId) -> Account | None:
    """The account that a correction is proposed for, or that lately had it decided."""
    for account in state.accounts.values():
        if proposal in account.proposals or proposal in account.decided:
            return account
    return None
