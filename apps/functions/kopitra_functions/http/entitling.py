"""Entitlements are asked for when something is configured: an account without any may do everything, one with some
only what they say, while they are in force. What is configured already goes on when one runs out."""

from collections.abc import Iterable

from sqlalchemy import select

from kopitra_functions.http.change import Change
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.sql.tables import entitlements

LEAD, FOLLOW = "lead", "follow"
CAPABILITIES = (LEAD, FOLLOW)


def require_entitled(change: Change, tenant: str, wanted: Iterable[str], capability: str) -> None:
    """Raises Rejected: 409."""
    names = list(dict.fromkeys(wanted))
    query = select(entitlements).where(entitlements.c.tenant == tenant, entitlements.c.account.in_(names))
    restricted: set[str] = set()
    entitled: set[str] = set()
    for row in change.connection.execute(query):
        restricted.add(row.account)
        begun = row.valid_from is None or row.valid_from <= change.now
        lasts = row.valid_until is None or row.valid_until > change.now
        if row.capability == capability and begun and lasts:
            entitled.add(row.account)
    for name in names:
        if name in restricted - entitled:
            raise refused(Trouble.NOT_POSSIBLE, f"account {name} is not entitled to {capability}")
