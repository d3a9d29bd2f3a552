"""Trading accounts: made, listed, edited, and switched on and off."""

from typing import Literal

from sqlalchemy import Select

from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.account_rows import (
    AccountView,
    account_view,
    edit_account,
    publish_account,
)
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.lists import Listing, listed, only
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.references import require_broker
from kopitra_functions.http.rows import (
    current,
    insert,
    known_tenant,
    of_tenant,
    refuse_taken,
    require,
)
from kopitra_functions.http.texts import require_id, require_texts
from kopitra_functions.publishing.revisions import next_revision
from kopitra_functions.sql.tables import accounts
from kopitra_functions.sql.types import ACCOUNT_LENGTH

BY_ID = Listing("accounts", (accounts.c.account,))
BY_LABEL = Listing("accounts.label", (accounts.c.label, accounts.c.account))
LAST_CHARACTER = "\U0010ffff"
"""Sorts behind whatever a label that begins alike may go on with."""


class AccountBody(Asked, frozen=True, kw_only=True):
    """`broker`: one of `/brokers`. `login` and `server`: the trading account's own, for people to recognise it."""

    label: str
    broker: str | None = None
    platform: str | None = None
    login: int | None = None
    server: str | None = None
    currency: str | None = None
    margin_mode: Literal["hedging", "netting"] | None = None
    enabled: bool = True
    requires_approval: bool = False


class NewAccount(AccountBody, frozen=True, kw_only=True):
    """`account`: its id for good, unique over all tenants."""

    account: str


class AccountPage(Shown, frozen=True):
    items: list[AccountView]
    cursor: str
    more: bool


def _values(body: AccountBody) -> dict[str, object]:
    require_texts(body, "label")
    names = ("label", "broker", "platform", "login", "server", "currency", "margin_mode")
    values: dict[str, object] = {name: getattr(body, name) for name in names}
    return values | {"enabled": body.enabled, "requires_approval": body.requires_approval}


def statement(call: Call) -> tuple[Select[tuple[object, ...]], Listing]:
    """The list that is asked for, and its order: by label where labels are searched, else by id."""
    filters = {"broker": accounts.c.broker, "login": accounts.c.login, "enabled": accounts.c.enabled}
    query = of_tenant(call, accounts).where(*only(call.query, filters))
    label = call.query.get("label")
    if label is None:
        return query, BY_ID
    return query.where(accounts.c.label >= label, accounts.c.label < label + LAST_CHARACTER), BY_LABEL


async def _list(call: Call) -> Reply:
    query, listing = statement(call)
    found = await call.read(lambda c: listed(c, query, listing, call.query))
    return told(AccountPage(items=found.told(account_view), cursor=found.cursor, more=found.more))


async def _get(call: Call) -> Reply:
    row = await call.read(lambda c: require(c, call, accounts, account=call.params["account"]))
    return told(account_view(row), version=row["version"])


async def _create(call: Call) -> Reply:
    body: NewAccount = call.message
    require_id(body.account, "account", ACCOUNT_LENGTH)
    values = _values(body)

    def work(change: Change) -> Reply:
        tenant = known_tenant(change, call)
        refuse_taken(change, accounts, account=body.account)
        require_broker(change, tenant, body.broker)
        revision = next_revision(0, change.now)
        row: dict[str, object] = {"account": body.account, "tenant": tenant, "revision": revision}
        insert(change, accounts, row | {"revoked_devices": ()} | values)
        change.audit(
            "account.create", "account", body.account, tenant=tenant, account=body.account, detail=values
        )
        made = require(change.connection, call, accounts, account=body.account)
        publish_account(change, made)
        return told(account_view(made), status=201, version=made["version"])

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    account, body, values = call.params["account"], call.message, _values(call.message)

    def work(change: Change) -> Reply:
        row = current(change, call, accounts, account=account)
        require_broker(change, row["tenant"], body.broker)
        edited = edit_account(change, call, row, values)
        change.audit("account.edit", "account", account, tenant=row["tenant"], account=account, detail=values)
        return told(account_view(edited), version=edited["version"])

    return await call.change(work)


async def _switch(call: Call, *, enabled: bool) -> Reply:
    account = call.params["account"]

    def work(change: Change) -> Reply:
        row = require(change.connection, call, accounts, account=account)
        if row["enabled"] is not enabled:
            row = edit_account(change, call, row, {"enabled": enabled})
            action = "account.enable" if enabled else "account.disable"
            change.audit(action, "account", account, tenant=row["tenant"], account=account)
        return told(account_view(row), version=row["version"])

    return await call.change(work)


async def _enable(call: Call) -> Reply:
    return await _switch(call, enabled=True)


async def _disable(call: Call) -> Reply:
    return await _switch(call, enabled=False)


FILTERS = (
    Query("broker", Kind.TEXT, "Only those at this broker."),
    Query("login", Kind.WHOLE, "Only those with this login."),
    Query("enabled", Kind.FLAG, "Only those that are enabled, or not."),
    Query("label", Kind.TEXT, "Only those whose label begins like this; then by label."),
)


def _endpoint(
    method: str, path: str, summary: str, status: int, *, body: type[Asked] | None = None
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        summary=summary,
        role=Role.VIEWER if method == "GET" else Role.OPERATOR,
        body=(body,) if body is not None else (),
        answers={status: (AccountView,)},
        edits=method == "PUT",
    )


LIST = Endpoint(
    method="GET",
    path="/accounts",
    summary="Accounts by id.",
    role=Role.VIEWER,
    answers={200: (AccountPage,)},
    query=(*PAGING, *FILTERS),
)
ONE = "/accounts/{account}"
ROUTES = (
    Route(LIST, _list),
    Route(_endpoint("POST", "/accounts", "Enter an account.", 201, body=NewAccount), _create),
    Route(_endpoint("GET", ONE, "One account.", 200), _get),
    Route(_endpoint("PUT", ONE, "Edit an account.", 200, body=AccountBody), _edit),
    Route(_endpoint("POST", f"{ONE}/enable", "Let an account take part again.", 200), _enable),
    Route(
        _endpoint("POST", f"{ONE}/disable", "Take an account out; its copies end as its rules say.", 200),
        _disable,
    ),
)
