"""What the service itself sees of the live accounts: the counterparty's sessions and its health, without SQL."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra_functions.ports import Counterparty, CounterpartyUnreachable, ServiceTokens

OK = 200


class IncidentGlance(msgspec.Struct, frozen=True, rename="camel"):
    incident: str
    kind: str
    since: datetime


class SessionGlance(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the timers want to know of a session (`application.views.SessionView`)."""

    session_id: str
    account: str
    tenant: str
    status: str
    opened_at: datetime
    silent: bool
    last_contact_at: datetime | None = None
    balance_at: datetime | None = None
    snapshot_at: datetime | None = None
    balance: Decimal | None = None
    equity: Decimal | None = None
    currency: str | None = None
    live_copies: int = 0
    leader_positions: int = 0
    incidents: tuple[IncidentGlance, ...] = ()


class _Sessions(msgspec.Struct, frozen=True):
    sessions: tuple[SessionGlance, ...]


class Glance(msgspec.Struct, frozen=True):
    """`trouble`: why nothing could be seen; the sessions are then unknown, not none."""

    sessions: tuple[SessionGlance, ...] = ()
    trouble: str | None = None


_decoder = msgspec.json.Decoder(_Sessions)


async def glance(counterparty: Counterparty, tokens: ServiceTokens) -> Glance:
    """All live sessions of the platform, as the service may see them."""
    try:
        answer = await counterparty.ask("GET", "/sessions", token=await tokens.token())
    except CounterpartyUnreachable as error:
        return Glance(trouble=f"no answer: {error}")
    if answer.status != OK:
        return Glance(trouble=f"it answers {answer.status}")
    try:
        return Glance(_decoder.decode(answer.body).sessions)
    except msgspec.MsgspecError as error:
        return Glance(trouble=f"its sessions cannot be read: {error}")
