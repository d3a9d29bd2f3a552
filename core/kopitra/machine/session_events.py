"""Who speaks for an account: sessions opened, approved and ended."""

from enum import StrEnum

from kopitra.domain.identifiers import AccountId, DeviceId, SessionId
from kopitra.machine.event import Event


class SessionOpened(Event, tag="session.opened", frozen=True):
    account: AccountId
    session: SessionId
    device: DeviceId
    nonce: str
    token_hash: str
    key_id: str
    approved: bool
    lease_seconds: int
    client_version: str | None = None
    platform: str | None = None
    capabilities: tuple[str, ...] = ()


class SessionEnd(StrEnum):
    RELEASED = "released"
    TAKEN_OVER = "taken_over"
    EXPIRED = "expired"
    FORCED = "forced"
    REJECTED = "rejected"


class SessionEnded(Event, tag="session.ended", frozen=True):
    account: AccountId
    session: SessionId
    reason: SessionEnd
    subject: str | None = None
    revision: int = 0


class SessionApproved(Event, tag="session.approved", frozen=True):
    account: AccountId
    session: SessionId
    subject: str
    revision: int = 0
