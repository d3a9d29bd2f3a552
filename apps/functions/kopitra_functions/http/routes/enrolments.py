"""How a device comes in: a one-time code, shown once."""

from base64 import urlsafe_b64encode
from datetime import timedelta

from sqlalchemy import Connection, update
from sqlalchemy.engine import RowMapping

from kopitra.application.tokens import code_hash
from kopitra.domain.instants import rfc3339
from kopitra.domain.limits import ENROLMENT_CODE_HOURS
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.messages import FieldError
from kopitra.protocol.parsing import invalid
from kopitra_functions.http.account_rows import edit_account
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.code_rows import ISSUED, CodePage, CodeView, code_views
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.idempotency import answer_context
from kopitra_functions.http.lists import listed, newest_first, only
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.http.rows import current, edit, insert, of_tenant, require
from kopitra_functions.sql.tables import accounts, enrolment_codes

CODE_BYTES = 18
"""144 bits, 24 characters: only a plain hash of it is kept, so it must not be guessable."""
MAX_CODE_HOURS = 30 * 24
SUPERSEDED, REVOKED = "superseded", "revoked"

CODES = newest_first("enrolment-codes", enrolment_codes.c.issued_at, enrolment_codes.c.code_id)


class NewCode(Asked, frozen=True):
    expires_in_hours: int = ENROLMENT_CODE_HOURS


class IssuedCode(Shown, frozen=True):
    """`code` is shown here and never again."""

    code_id: str
    account: str
    code: str
    expires_at: str


async def _list(call: Call) -> Reply:
    filters = {"account": enrolment_codes.c.account, "status": enrolment_codes.c.status}
    query = of_tenant(call, enrolment_codes).where(*only(call.query, filters))
    now = call.desk.world.clock.now()

    def work(connection: Connection) -> CodePage:
        found = listed(connection, query, CODES, call.query)
        return CodePage(items=code_views(connection, found.rows, now), cursor=found.cursor, more=found.more)

    return told(await call.read(work))


async def _issue(call: Call) -> Reply:
    """A new code takes the place of the one before: an account has one that may be used."""
    body: NewCode = call.message
    if not 1 <= body.expires_in_hours <= MAX_CODE_HOURS:
        message = f"must be from 1 to {MAX_CODE_HOURS}"
        raise invalid([FieldError(path="$.expiresInHours", message=message)])
    account, world = call.params["account"], call.desk.world
    code = urlsafe_b64encode(world.ids.token_bytes(CODE_BYTES)).decode()
    code_id = f"code-{world.ids.new()}"
    expires_at = world.clock.now() + timedelta(hours=body.expires_in_hours)
    shown = told(
        IssuedCode(code_id=code_id, account=account, code=code, expires_at=rfc3339(expires_at)), status=201
    )
    shown.kept = await world.cipher.seal(shown.body, context=answer_context(call))

    def work(change: Change) -> Reply:
        row = require(change.connection, call, accounts, account=account)
        _end_codes(change, row, SUPERSEDED)
        insert(
            change,
            enrolment_codes,
            {
                "code_id": code_id,
                "tenant": row["tenant"],
                "account": account,
                "code_hash": code_hash(code),
                "status": ISSUED,
                "issued_at": change.now,
                "issued_by": change.subject,
                "expires_at": expires_at,
            },
        )
        edit_account(change, call, row, {})
        detail = {"codeId": code_id, "expiresAt": rfc3339(expires_at)}
        change.audit(
            "enrolment.issue", "account", account, tenant=row["tenant"], account=account, detail=detail
        )
        return shown

    return await call.change(work)


async def _revoke_code(call: Call) -> Reply:
    code_id = call.params["codeId"]

    def work(change: Change) -> Reply:
        code = current(change, call, enrolment_codes, code_id=code_id)
        [shown] = code_views(change.connection, [code], change.now)
        if shown.status != ISSUED:
            raise refused(Trouble.NOT_POSSIBLE, f"the code is {shown.status}")
        version = edit(change, enrolment_codes, {"code_id": code_id}, call.expected, {"status": REVOKED})
        row = require(change.connection, call, accounts, account=code["account"])
        edit_account(change, call, row, {})
        change.audit(
            "enrolment.revoke",
            "enrolment_code",
            code_id,
            tenant=code["tenant"],
            account=code["account"],
        )
        revoked = require(change.connection, call, enrolment_codes, code_id=code_id)
        return told(code_views(change.connection, [revoked], change.now)[0], version=version)

    return await call.change(work)


def _end_codes(change: Change, account: RowMapping, status: str) -> None:
    table = enrolment_codes.c
    change.connection.execute(
        update(enrolment_codes)
        .where(table.tenant == account["tenant"], table.account == account["account"])
        .where(table.status == ISSUED)
        .values(status=status, updated_at=change.now, updated_by=change.subject, version=table.version + 1)
    )


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/enrolment-codes",
            summary="Enrolment codes, newest first; never the codes themselves.",
            role=Role.VIEWER,
            answers={200: (CodePage,)},
            query=(
                *PAGING,
                Query("account", Kind.TEXT, "Only those of this account."),
                Query("status", Kind.TEXT, "Only those with this status."),
            ),
        ),
        _list,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/accounts/{account}/enrolment-codes",
            summary="Issue a one-time code, which is shown once; the account's earlier one ends.",
            role=Role.OPERATOR,
            body=(NewCode,),
            answers={201: (IssuedCode,)},
        ),
        _issue,
    ),
    Route(
        Endpoint(
            method="DELETE",
            path="/enrolment-codes/{codeId}",
            summary="Revoke a code that has not been used.",
            role=Role.OPERATOR,
            answers={200: (CodeView,)},
            edits=True,
        ),
        _revoke_code,
    ),
)
