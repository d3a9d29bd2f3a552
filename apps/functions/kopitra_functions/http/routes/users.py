"""Users and their roles: a directory for people and reports. What somebody may do comes from their token alone."""

from sqlalchemy import Connection, Select, delete, select
from sqlalchemy.engine import RowMapping

from kopitra.adapters.operator_tokens import ALL_TENANTS
from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.call import Call, gone, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Route
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.rows import (
    current,
    edit,
    insert,
    known_tenant,
    refuse_taken,
    remove,
    require,
)
from kopitra_functions.http.texts import require_id, require_texts
from kopitra_functions.sql.tables import user_roles, users

BY_ID = Listing("users", (users.c.user_id,))


class UserBody(Asked, frozen=True, kw_only=True):
    """`subject`: as the issuer names them in tokens. `roles`: what the issuer is known to grant; writing it here grants
    nothing."""

    subject: str
    name: str
    email: str | None = None
    roles: tuple[Role, ...] = ()
    enabled: bool = True


class NewUser(UserBody, frozen=True, kw_only=True):
    user: str


class UserView(Shown, frozen=True):
    """`tenant` is `*` for those who operate the whole platform."""

    user: str
    tenant: str
    subject: str
    name: str
    email: str | None
    roles: list[str]
    enabled: bool
    updated_at: str
    updated_by: str | None
    version: int


class UserPage(Shown, frozen=True):
    items: list[UserView]
    cursor: str
    more: bool


def _views(connection: Connection, rows: list[RowMapping]) -> list[UserView]:
    if not rows:
        return []
    query = select(user_roles.c.user_id, user_roles.c.role).where(
        user_roles.c.user_id.in_([row["user_id"] for row in rows])
    )
    roles: dict[str, list[str]] = {}
    for user, role in connection.execute(query.order_by(user_roles.c.user_id, user_roles.c.role)):
        roles.setdefault(user, []).append(role)
    return [
        UserView(
            user=row["user_id"],
            tenant=row["tenant"],
            subject=row["subject"],
            name=row["name"],
            email=row["email"],
            roles=roles.get(row["user_id"], []),
            enabled=row["enabled"],
            updated_at=rfc3339(row["updated_at"]),
            updated_by=row["updated_by"],
            version=row["version"],
        )
        for row in rows
    ]


def _one(connection: Connection, call: Call, user: str) -> UserView:
    return _views(connection, [require(connection, call, users, user_id=user)])[0]


def statement(call: Call) -> Select[tuple[object, ...]]:
    """An operator of all tenants who names none sees those of the whole platform."""
    return select(users).where(users.c.tenant == (call.tenant or ALL_TENANTS))


async def _list(call: Call) -> Reply:
    query = statement(call)

    def work(connection: Connection) -> UserPage:
        found = listed(connection, query, BY_ID, call.query)
        return UserPage(items=_views(connection, list(found.rows)), cursor=found.cursor, more=found.more)

    return told(await call.read(work))


async def _get(call: Call) -> Reply:
    view = await call.read(lambda c: _one(c, call, call.params["user"]))
    return told(view, version=view.version)


async def _create(call: Call) -> Reply:
    body: NewUser = call.message
    require_id(body.user, "user")
    values = _values(body)

    def work(change: Change) -> Reply:
        tenant = known_tenant(change, call) if call.tenant is not None else ALL_TENANTS
        refuse_taken(change, users, user_id=body.user)
        refuse_taken(change, users, tenant=tenant, subject=body.subject)
        insert(change, users, {"user_id": body.user, "tenant": tenant} | values)
        return _done(change, call, "user.create", body.user, tenant, body, 201)

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    body: UserBody = call.message
    user, values = call.params["user"], _values(body)

    def work(change: Change) -> Reply:
        row = current(change, call, users, user_id=user)
        if body.subject != row["subject"]:
            refuse_taken(change, users, tenant=row["tenant"], subject=body.subject)
        edit(change, users, {"user_id": user}, call.expected, values)
        return _done(change, call, "user.edit", user, row["tenant"], body)

    return await call.change(work)


async def _delete(call: Call) -> Reply:
    user = call.params["user"]

    def work(change: Change) -> Reply:
        row = current(change, call, users, user_id=user)
        change.connection.execute(delete(user_roles).where(user_roles.c.user_id == user))
        remove(change, users, {"user_id": user}, call.expected)
        change.audit("user.delete", "user", user, tenant=row["tenant"])
        return gone()

    return await call.change(work)


def _values(body: UserBody) -> dict[str, object]:
    require_texts(body, "subject", "name")
    return {"subject": body.subject, "name": body.name, "email": body.email, "enabled": body.enabled}


def _done(
    change: Change, call: Call, action: str, user: str, tenant: str, body: UserBody, status: int = 200
) -> Reply:
    change.connection.execute(delete(user_roles).where(user_roles.c.user_id == user))
    roles = [
        {
            "user_id": user,
            "role": str(role),
            "tenant": tenant,
            "granted_at": change.now,
            "granted_by": change.subject,
        }
        for role in dict.fromkeys(body.roles)
    ]
    if roles:
        change.connection.execute(user_roles.insert(), roles)
    change.audit(action, "user", user, tenant=tenant, detail=body)
    view = _one(change.connection, call, user)
    return told(view, status=status, version=view.version)


def _endpoint(
    method: str, path: str, summary: str, status: int = 200, body: type[Asked] | None = None
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        summary=summary,
        role=Role.ADMIN,
        body=(body,) if body is not None else (),
        answers={status: (UserView,) if status != 204 else ()},
        edits=method in ("PUT", "DELETE"),
    )


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/users",
            summary="The directory of operators; what they may do comes from their tokens.",
            role=Role.ADMIN,
            answers={200: (UserPage,)},
            query=PAGING,
        ),
        _list,
    ),
    Route(_endpoint("POST", "/users", "Enter a user; grants nothing.", 201, NewUser), _create),
    Route(_endpoint("GET", "/users/{user}", "One user."), _get),
    Route(_endpoint("PUT", "/users/{user}", "Edit a user; grants nothing.", body=UserBody), _edit),
    Route(_endpoint("DELETE", "/users/{user}", "Remove a user; revokes nothing.", 204), _delete),
)
