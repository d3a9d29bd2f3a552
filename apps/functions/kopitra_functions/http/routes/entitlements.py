"""What an account may be used for: to lead, to follow, within which limits and until when."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.messages import FieldError
from kopitra.protocol.parsing import invalid
from kopitra.protocol.problems import Code, rejected
from kopitra_functions.http.call import Call, gone, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.entitling import CAPABILITIES
from kopitra_functions.http.etags import require_version
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.rows import (
    current,
    edit,
    find,
    insert,
    of_tenant,
    remove,
    require,
)
from kopitra_functions.sql.tables import accounts, entitlements

MAX_LIMITS = 32
BY_ACCOUNT = Listing("entitlements", (entitlements.c.account, entitlements.c.capability))
OF_ACCOUNT = Listing("entitlements.account", (entitlements.c.capability,))
BY_CAPABILITY = Listing("entitlements.capability", (entitlements.c.account,))


class EntitlementBody(Asked, frozen=True):
    """`limits`: figures by name, for whoever reads them. Without times it is in force from now on, and for ever."""

    limits: dict[str, int | str] = msgspec.field(default_factory=dict[str, int | str])
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class EntitlementView(Shown, frozen=True):
    account: str
    capability: str
    limits: dict[str, Any]
    valid_from: str | None
    valid_until: str | None
    updated_at: str
    updated_by: str | None
    version: int


class EntitlementPage(Shown, frozen=True):
    items: list[EntitlementView]
    cursor: str
    more: bool


def _view(row: RowMapping) -> EntitlementView:
    return EntitlementView(
        account=row["account"],
        capability=row["capability"],
        limits=row["limits"] or {},
        valid_from=rfc3339(row["valid_from"]) if row["valid_from"] is not None else None,
        valid_until=rfc3339(row["valid_until"]) if row["valid_until"] is not None else None,
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


def _capability(call: Call) -> str:
    capability = call.params["capability"]
    if capability not in CAPABILITIES:
        raise rejected(Code.NOT_FOUND, f"capabilities are {' and '.join(CAPABILITIES)}")
    return capability


async def _list(call: Call) -> Reply:
    query, account = of_tenant(call, entitlements), call.query.get("account")
    capability, listing = call.query.get("capability"), BY_ACCOUNT
    if account is not None:
        query, listing = query.where(entitlements.c.account == account), OF_ACCOUNT
    if capability is not None:
        query = query.where(entitlements.c.capability == capability)
        listing = listing if account is not None else BY_CAPABILITY
    found = await call.read(lambda c: listed(c, query, listing, call.query))
    return told(EntitlementPage(items=found.told(_view), cursor=found.cursor, more=found.more))


async def _put(call: Call) -> Reply:
    body: EntitlementBody = call.message
    account, capability = call.params["account"], _capability(call)
    _check(body)
    values = {
        "limits": body.limits,
        "valid_from": body.valid_from,
        "valid_until": body.valid_until,
    }

    def work(change: Change) -> Reply:
        owner = require(change.connection, call, accounts, account=account)
        place = {"account": account, "capability": capability}
        known = find(change.connection, call, entitlements, **place)
        require_version(call.expected, known["version"] if known is not None else 0)
        if known is None:
            insert(change, entitlements, place | {"tenant": owner["tenant"]} | values)
        else:
            edit(change, entitlements, place, call.expected, values)
        change.audit(
            "entitlement.put",
            "entitlement",
            capability,
            tenant=owner["tenant"],
            account=account,
            detail=values,
        )
        row = require(change.connection, call, entitlements, **place)
        return told(_view(row), version=row["version"])

    return await call.change(work)


async def _delete(call: Call) -> Reply:
    account, capability = call.params["account"], _capability(call)

    def work(change: Change) -> Reply:
        place = {"account": account, "capability": capability}
        row = current(change, call, entitlements, **place)
        remove(change, entitlements, place, call.expected)
        change.audit("entitlement.delete", "entitlement", capability, tenant=row["tenant"], account=account)
        return gone()

    return await call.change(work)


def _check(body: EntitlementBody) -> None:
    if len(body.limits) > MAX_LIMITS:
        raise invalid([FieldError(path="$.limits", message=f"at most {MAX_LIMITS}")])
    begins, ends = body.valid_from, body.valid_until
    if begins is not None and ends is not None and begins >= ends:
        raise invalid([FieldError(path="$.validUntil", message="must be after validFrom")])


ONE = "/accounts/{account}/entitlements/{capability}"
ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/entitlements",
            summary="What accounts may be used for.",
            role=Role.VIEWER,
            answers={200: (EntitlementPage,)},
            query=(
                *PAGING,
                Query("account", Kind.TEXT, "Only those of this account."),
                Query("capability", Kind.TEXT, "Only this one.", choices=CAPABILITIES),
            ),
        ),
        _list,
    ),
    Route(
        Endpoint(
            method="PUT",
            path=ONE,
            summary='Grant or change an entitlement; the tag of one that is not there is "0".',
            role=Role.ADMIN,
            body=(EntitlementBody,),
            answers={200: (EntitlementView,)},
            edits=True,
        ),
        _put,
    ),
    Route(
        Endpoint(
            method="DELETE",
            path=ONE,
            summary="Withdraw an entitlement.",
            role=Role.ADMIN,
            answers={204: ()},
            edits=True,
        ),
        _delete,
    ),
)
