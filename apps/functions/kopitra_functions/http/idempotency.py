"""Same key and request, same answer: kept in the transaction of what it answers, for 24 hours.

Refusals are not kept: nothing has happened, and the same request may be right later. An answer that holds a secret is
kept sealed.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import IntegrityError

from kopitra.domain.limits import IDEMPOTENCY_HOURS
from kopitra.protocol.exchange import REPLAYED, Reply
from kopitra.protocol.problems import Code, rejected
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.ports import CredentialUnreadable
from kopitra_functions.sql.tables import idempotency_keys

if TYPE_CHECKING:
    from kopitra_functions.http.call import Call

REPLAYED_HEADER = (REPLAYED, b"true")
SEALED = "sealed"
"""Among the kept headers: the answer is sealed, in base64."""

Attempt = Callable[[Connection], Reply]


class Kept(msgspec.Struct, frozen=True):
    """The first answer to a key."""

    status: int
    answer: str
    headers: dict[str, str]


def fingerprint(call: "Call") -> str:
    """SHA-256 of what was asked: where, with which parameters, and the body's normal form. No route with a key takes a
    secret, so a plain digest gives nothing away."""
    parts = (
        call.endpoint.scope.encode(),
        msgspec.json.encode(sorted(call.params.items())),
        msgspec.json.encode(sorted(call.request.parameters().items())),
        call.normal,
    )
    return sha256(b"\x1f".join(sha256(part).digest() for part in parts)).hexdigest()


def answer_context(call: "Call") -> str:
    """What a sealed answer is bound to."""
    return f"answer\x1f{call.operator.tenant}\x1f{call.operator.subject}\x1f{call.key}"


async def answered_once(call: "Call", attempt: Attempt) -> Reply:
    """What `attempt` gives in a transaction, or the first answer to this key. Raises Rejected where the key was used
    for another request."""
    database = call.desk.database
    if call.key is None:
        return await database.write(attempt, interactive=True)
    mark = fingerprint(call)

    def once(connection: Connection) -> Reply | Kept:
        kept = _recall(connection, call, mark)
        if kept is not None:
            return kept
        reply = attempt(connection)
        _remember(connection, call, mark, reply)
        return reply

    try:
        found = await database.write(once, interactive=True)
    except IntegrityError:
        # Another process may have answered this key in between: then its answer is there now.
        found = await database.write(once, interactive=True)
    return found if isinstance(found, Reply) else await _replayed(call, found)


async def _replayed(call: "Call", kept: Kept) -> Reply:
    headers = dict(kept.headers)
    body = kept.answer.encode()
    if headers.pop(SEALED, None) is not None:
        body = await _opened(call, kept)
    wire = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Reply(kept.status, body, headers=(*wire, REPLAYED_HEADER))


async def _opened(call: "Call", kept: Kept) -> bytes:
    try:
        return await call.desk.world.cipher.open(b64decode(kept.answer), context=answer_context(call))
    except CredentialUnreadable:
        raise refused(Trouble.NOT_POSSIBLE, "it was done, but its answer can be read no more") from None


def _recall(connection: Connection, call: "Call", mark: str) -> Kept | None:
    table, now = idempotency_keys, call.desk.world.clock.now()
    row = connection.execute(select(table).where(*_place(call))).one_or_none()
    if row is None:
        return None
    if row.expires_at <= now:
        connection.execute(delete(table).where(*_place(call)))
        return None
    if row.fingerprint != mark:
        raise rejected(Code.IDEMPOTENCY_KEY_REUSED)
    return Kept(row.status, row.answer, row.headers)


def _remember(connection: Connection, call: "Call", mark: str, reply: Reply) -> None:
    now = call.desk.world.clock.now()
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    answer = reply.body.decode()
    if reply.kept is not None:
        headers[SEALED] = "true"
        answer = b64encode(reply.kept).decode()
    connection.execute(
        idempotency_keys.insert().values(
            tenant=call.operator.tenant,
            subject=call.operator.subject,
            idempotency_key=call.key,
            method=call.endpoint.method,
            path=call.endpoint.path,
            fingerprint=mark,
            status=reply.status,
            headers=headers,
            answer=answer,
            created_at=now,
            expires_at=now + timedelta(hours=IDEMPOTENCY_HOURS),
        )
    )


def _place(call: "Call") -> tuple[Any, ...]:
    table = idempotency_keys.c
    return (
        table.tenant == call.operator.tenant,
        table.subject == call.operator.subject,
        table.idempotency_key == call.key,
    )
