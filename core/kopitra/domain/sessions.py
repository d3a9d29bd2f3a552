"""The life of an account's session, as one table."""

from collections.abc import Mapping
from enum import StrEnum


class SessionPhase(StrEnum):
    ABSENT = "absent"
    PENDING = "pending"
    """Holds the lease and may report, but gets no trades before an operator approves it."""
    ACTIVE = "active"


class SessionStep(StrEnum):
    OPENED = "opened"
    OPENED_UNAPPROVED = "opened_unapproved"
    APPROVED = "approved"
    RELEASED = "released"
    """By its own EA."""
    TAKEN_OVER = "taken_over"
    """The same device has come again, with the right secret."""
    EXPIRED = "expired"
    FORCED = "forced"
    """Ended by an operator."""
    REJECTED = "rejected"
    """Refused by an operator instead of an approval."""


TRANSITIONS: Mapping[tuple[SessionPhase, SessionStep], SessionPhase] = {
    (SessionPhase.ABSENT, SessionStep.OPENED): SessionPhase.ACTIVE,
    (SessionPhase.ABSENT, SessionStep.OPENED_UNAPPROVED): SessionPhase.PENDING,
    (SessionPhase.PENDING, SessionStep.APPROVED): SessionPhase.ACTIVE,
    (SessionPhase.PENDING, SessionStep.REJECTED): SessionPhase.ABSENT,
    (SessionPhase.PENDING, SessionStep.RELEASED): SessionPhase.ABSENT,
    (SessionPhase.PENDING, SessionStep.TAKEN_OVER): SessionPhase.ABSENT,
    (SessionPhase.PENDING, SessionStep.EXPIRED): SessionPhase.ABSENT,
    (SessionPhase.PENDING, SessionStep.FORCED): SessionPhase.ABSENT,
    (SessionPhase.ACTIVE, SessionStep.RELEASED): SessionPhase.ABSENT,
    (SessionPhase.ACTIVE, SessionStep.TAKEN_OVER): SessionPhase.ABSENT,
    (SessionPhase.ACTIVE, SessionStep.EXPIRED): SessionPhase.ABSENT,
    (SessionPhase.ACTIVE, SessionStep.FORCED): SessionPhase.ABSENT,
    # No (ACTIVE, REJECTED): a late rejection must not cut off a session that trades; that takes a forced release.
    # No (ACTIVE, OPENED): a second session first ends the one before it, so an account never has two.
}


def allowed(phase: SessionPhase, step: SessionStep) -> bool:
    return (phase, step) in TRANSITIONS
