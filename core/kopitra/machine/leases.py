"""First come, first served: one session holds an account until its lease runs out.

Renewals live in memory only. What is journaled is that a session was opened, for how long a lease, and that it ended.
"""

from datetime import datetime, timedelta

from kopitra.domain.identifiers import AccountId
from kopitra.domain.sessions import SessionPhase
from kopitra.machine.readings import Lease, Readings
from kopitra.machine.state import Session, State


def phase_of(session: Session | None) -> SessionPhase:
    if session is None:
        return SessionPhase.ABSENT
    return SessionPhase.ACTIVE if session.approved else SessionPhase.PENDING


def lease_end(account: AccountId, session: Session, readings: Readings) -> datetime:
    """When the session's lease runs out; one that was never renewed runs from its opening."""
    lease = readings.leases.get(account)
    if lease is not None and lease.session == session.session:
        return lease.expires_at
    return session.opened_at + timedelta(seconds=session.lease_seconds)


def renew(account: AccountId, session: Session, readings: Readings, now: datetime) -> datetime:
    """Any authenticated call gives the session a full term from now; returns its end."""
    ends = now + timedelta(seconds=session.lease_seconds)
    readings.leases[account] = Lease(session.session, ends)
    return ends


def readings_after_recovery(state: State, now: datetime) -> Readings:
    """What a process may assume that has just rebuilt the state: every session gets one full term and counts as heard
    of now, and any command in the journal may have been handed out before."""
    readings = Readings(recovered_through=state.sequence, began_at=now)
    for account in state.accounts.values():
        if account.session is not None:
            renew(account.account, account.session, readings, now)
            readings.contacts[account.account] = now
    return readings
