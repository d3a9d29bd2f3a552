"""Brokers' credentials of accounts: written, replaced and removed, but never shown."""

from sqlalchemy import Connection
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.credentials.envelope import wrapped_by
from kopitra_functions.http.call import Call, gone, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.etags import require_version
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.rows import current, edit, find, insert, remove, require
from kopitra_functions.http.texts import require_texts
from kopitra_functions.sql.tables import accounts, broker_credentials


class CredentialBody(Asked, frozen=True):
    login: int
    server: str
    password: str


class CredentialView(Shown, frozen=True):
    """All that is ever shown of them. `present`: whether there are any."""

    account: str
    present: bool
    login: int | None
    server: str | None
    updated_at: str | None
    updated_by: str | None
    version: int


def credential_context(tenant: str, account: str) -> str:
    """What a sealed password is bound to."""
    return f"{tenant}\x1f{account}"


def _view(account: str, row: RowMapping | None) -> CredentialView:
    if row is None:
        return CredentialView(
            account=account,
            present=False,
            login=None,
            server=None,
            updated_at=None,
            updated_by=None,
            version=0,
        )
    return CredentialView(
        account=account,
        present=True,
        login=row["login"],
        server=row["server"],
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


async def _get(call: Call) -> Reply:
    account = call.params["account"]

    def both(connection: Connection) -> CredentialView:
        require(connection, call, accounts, account=account)
        return _view(account, find(connection, call, broker_credentials, account=account))

    view = await call.read(both)
    return told(view, version=view.version)


async def _put(call: Call) -> Reply:
    body: CredentialBody = call.message
    require_texts(body, "server", "password")
    account = call.params["account"]
    owner = await call.read(lambda c: require(c, call, accounts, account=account))
    context = credential_context(owner["tenant"], account)
    sealed = await call.desk.world.cipher.seal(body.password.encode(), context=context)
    values = {"login": body.login, "server": body.server, "sealed": sealed, "wrapped_by": wrapped_by(sealed)}

    def work(change: Change) -> Reply:
        require(change.connection, call, accounts, account=account)
        known = find(change.connection, call, broker_credentials, account=account)
        require_version(call.expected, known["version"] if known is not None else 0)
        if known is None:
            insert(change, broker_credentials, {"account": account, "tenant": owner["tenant"]} | values)
        else:
            edit(change, broker_credentials, {"account": account}, call.expected, values)
        detail = {"login": body.login, "server": body.server}
        change.audit(
            "credentials.put",
            "broker_credentials",
            account,
            tenant=owner["tenant"],
            account=account,
            detail=detail,
        )
        row = require(change.connection, call, broker_credentials, account=account)
        return told(_view(account, row), version=row["version"])

    return await call.change(work)


async def _delete(call: Call) -> Reply:
    account = call.params["account"]

    def work(change: Change) -> Reply:
        row = current(change, call, broker_credentials, account=account)
        remove(change, broker_credentials, {"account": account}, call.expected)
        change.audit(
            "credentials.delete", "broker_credentials", account, tenant=row["tenant"], account=account
        )
        return gone()

    return await call.change(work)


PATH = "/accounts/{account}/credentials"
ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path=PATH,
            summary="Whether an account's broker credentials are kept; the password is never shown.",
            role=Role.ADMIN,
            answers={200: (CredentialView,)},
        ),
        _get,
    ),
    Route(
        Endpoint(
            method="PUT",
            path=PATH,
            summary='Keep or replace them, sealed; the tag of those that are not there is "0".',
            role=Role.ADMIN,
            body=(CredentialBody,),
            answers={200: (CredentialView,)},
            edits=True,
        ),
        _put,
    ),
    Route(
        Endpoint(
            method="DELETE",
            path=PATH,
            summary="Forget them.",
            role=Role.ADMIN,
            answers={204: ()},
            edits=True,
        ),
        _delete,
    ),
)
