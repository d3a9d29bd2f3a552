"""Tenants: who shares this platform. Operators of all tenants enter and name them."""

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Route
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.rows import current, edit, insert, refuse_taken, require
from kopitra_functions.http.texts import require_id, require_texts
from kopitra_functions.sql.tables import tenants
from kopitra_functions.sql.types import TENANT_LENGTH

BY_ID = Listing("tenants", (tenants.c.tenant,))


class TenantBody(Asked, frozen=True):
    """`enabled`: for people and reports; a tenant's trading is stopped by the kill switch."""

    name: str
    enabled: bool = True


class NewTenant(TenantBody, frozen=True, kw_only=True):
    tenant: str


class TenantView(Shown, frozen=True):
    tenant: str
    name: str
    enabled: bool
    updated_at: str
    updated_by: str | None
    version: int


class TenantPage(Shown, frozen=True):
    items: list[TenantView]
    cursor: str
    more: bool


def _view(row: RowMapping) -> TenantView:
    return TenantView(
        tenant=row["tenant"],
        name=row["name"],
        enabled=row["enabled"],
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


async def _list(call: Call) -> Reply:
    query = select(tenants)
    found = await call.read(lambda c: listed(c, query, BY_ID, call.query))
    return told(TenantPage(items=found.told(_view), cursor=found.cursor, more=found.more))


async def _create(call: Call) -> Reply:
    body: NewTenant = call.message
    require_id(body.tenant, "tenant", TENANT_LENGTH)
    require_texts(body, "name")

    def work(change: Change) -> Reply:
        refuse_taken(change, tenants, tenant=body.tenant)
        values = {"name": body.name, "enabled": body.enabled}
        insert(change, tenants, {"tenant": body.tenant} | values)
        change.audit("tenant.create", "tenant", body.tenant, tenant=body.tenant, detail=values)
        row = require(change.connection, call, tenants, tenant=body.tenant)
        return told(_view(row), status=201, version=row["version"])

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    body: TenantBody = call.message
    require_texts(body, "name")
    tenant, values = call.params["name"], {"name": body.name, "enabled": body.enabled}

    def work(change: Change) -> Reply:
        current(change, call, tenants, tenant=tenant)
        edit(change, tenants, {"tenant": tenant}, call.expected, values)
        change.audit("tenant.edit", "tenant", tenant, tenant=tenant, detail=values)
        row = require(change.connection, call, tenants, tenant=tenant)
        return told(_view(row), version=row["version"])

    return await call.change(work)


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/tenants",
            summary="Every tenant.",
            role=Role.VIEWER,
            answers={200: (TenantPage,)},
            query=PAGING,
            platform=True,
        ),
        _list,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/tenants",
            summary="Enter a tenant.",
            role=Role.ADMIN,
            body=(NewTenant,),
            answers={201: (TenantView,)},
            platform=True,
        ),
        _create,
    ),
    Route(
        Endpoint(
            method="PUT",
            path="/tenants/{name}",
            summary="Rename a tenant, or mark it as out of use.",
            role=Role.ADMIN,
            body=(TenantBody,),
            answers={200: (TenantView,)},
            edits=True,
            platform=True,
        ),
        _edit,
    ),
)
