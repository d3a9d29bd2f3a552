"""Notification channels: where people are told. Their secrets are sealed, and never shown."""

import re
from typing import Literal

from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.messages import FieldError
from kopitra.protocol.parsing import invalid
from kopitra_functions.http.call import Call, gone, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.desk import Desk
from kopitra_functions.http.endpoint import PAGING, Endpoint, Route
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.rows import (
    current,
    edit,
    insert,
    known_tenant,
    of_tenant,
    refuse_taken,
    remove,
    require,
)
from kopitra_functions.http.texts import require_id, require_texts
from kopitra_functions.publishing.channel_file import channel_context
from kopitra_functions.sql.tables import notification_channels

MAX_TOPICS = 64
EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+")
WEBHOOK = re.compile(r"https://[^\s/@?#]+([/?#]\S*)?")
"""https, and no user or password in the address: a secret is set apart, sealed."""
FORMS = {"email": EMAIL, "webhook": WEBHOOK}
BY_ID = Listing("notification-channels", (notification_channels.c.channel,))


class ChannelBody(Asked, frozen=True, kw_only=True):
    """`address`: an e-mail address, or an https address that gets a POST. `topics`: which notifications it takes; none:
    all."""

    name: str
    kind: Literal["email", "webhook"]
    address: str
    topics: tuple[str, ...] = ()
    enabled: bool = True


class NewChannel(ChannelBody, frozen=True, kw_only=True):
    channel: str


class ChannelSecret(Asked, frozen=True):
    """What signs a webhook's body, or signs in to a mail server."""

    secret: str


class ChannelView(Shown, frozen=True):
    channel: str
    tenant: str
    name: str
    kind: str
    address: str
    topics: list[str]
    enabled: bool
    has_secret: bool
    updated_at: str
    updated_by: str | None
    version: int


class ChannelPage(Shown, frozen=True):
    items: list[ChannelView]
    cursor: str
    more: bool


def _view(row: RowMapping) -> ChannelView:
    return ChannelView(
        channel=row["channel"],
        tenant=row["tenant"],
        name=row["name"],
        kind=row["kind"],
        address=row["target"] or "",
        topics=row["topics"],
        enabled=row["enabled"],
        has_secret=row["sealed"] is not None,
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


def _values(body: ChannelBody) -> dict[str, object]:
    require_texts(body, "name", "address", "topics")
    if not FORMS[body.kind].fullmatch(body.address):
        message = "must be one e-mail address" if body.kind == "email" else "must be an https address"
        raise invalid([FieldError(path="$.address", message=message)])
    if len(body.topics) > MAX_TOPICS:
        raise invalid([FieldError(path="$.topics", message=f"at most {MAX_TOPICS}")])
    return {
        "name": body.name,
        "kind": body.kind,
        "target": body.address,
        "topics": list(body.topics),
        "enabled": body.enabled,
    }


async def _list(call: Call) -> Reply:
    query = of_tenant(call, notification_channels)
    found = await call.read(lambda c: listed(c, query, BY_ID, call.query))
    return told(ChannelPage(items=found.told(_view), cursor=found.cursor, more=found.more))


async def _get(call: Call) -> Reply:
    wanted = call.params["channel"]
    row = await call.read(lambda c: require(c, call, notification_channels, channel=wanted))
    return told(_view(row), version=row["version"])


async def _create(call: Call) -> Reply:
    body: NewChannel = call.message
    require_id(body.channel, "channel")
    values = _values(body)

    def work(change: Change) -> Reply:
        tenant = known_tenant(change, call)
        refuse_taken(change, notification_channels, channel=body.channel)
        refuse_taken(change, notification_channels, tenant=tenant, name=body.name)
        insert(change, notification_channels, {"channel": body.channel, "tenant": tenant} | values)
        return _done(change, call, "channel.create", body.channel, values, 201)

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    body: ChannelBody = call.message
    channel, values = call.params["channel"], _values(body)

    def work(change: Change) -> Reply:
        row = current(change, call, notification_channels, channel=channel)
        if body.name != row["name"]:
            refuse_taken(change, notification_channels, tenant=row["tenant"], name=body.name)
        edit(change, notification_channels, {"channel": channel}, call.expected, values)
        return _done(change, call, "channel.edit", channel, values)

    return await call.change(work)


async def _set_secret(call: Call) -> Reply:
    body: ChannelSecret = call.message
    require_texts(body, "secret")
    channel = call.params["channel"]
    owner = await call.read(lambda c: require(c, call, notification_channels, channel=channel))
    sealed = await call.desk.world.cipher.seal(
        body.secret.encode(), context=channel_context(owner["tenant"], channel)
    )
    return await _seal(call, channel, sealed, "channel.secret.put")


async def _drop_secret(call: Call) -> Reply:
    return await _seal(call, call.params["channel"], None, "channel.secret.delete")


async def _seal(call: Call, channel: str, sealed: bytes | None, action: str) -> Reply:
    def work(change: Change) -> Reply:
        current(change, call, notification_channels, channel=channel)
        edit(change, notification_channels, {"channel": channel}, call.expected, {"sealed": sealed})
        return _done(change, call, action, channel, None)

    return await call.change(work)


async def _delete(call: Call) -> Reply:
    channel = call.params["channel"]

    def work(change: Change) -> Reply:
        row = current(change, call, notification_channels, channel=channel)
        remove(change, notification_channels, {"channel": channel}, call.expected)
        change.audit("channel.delete", "notification_channel", channel, tenant=row["tenant"])
        change.afterwards.append(_write_file)
        return gone()

    return await call.change(work)


def _done(change: Change, call: Call, action: str, channel: str, detail: object, status: int = 200) -> Reply:
    row = require(change.connection, call, notification_channels, channel=channel)
    change.audit(action, "notification_channel", channel, tenant=row["tenant"], detail=detail)
    change.afterwards.append(_write_file)
    return told(_view(row), status=status, version=row["version"])


async def _write_file(desk: Desk) -> None:
    await desk.channels.try_to_write()


def _endpoint(
    method: str, path: str, summary: str, status: int = 200, body: type[Asked] | None = None
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        summary=summary,
        role=Role.ADMIN,
        body=(body,) if body is not None else (),
        answers={status: (ChannelView,) if status != 204 else ()},
        edits=method in ("PUT", "DELETE"),
    )


ONE = "/notification-channels/{channel}"
ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/notification-channels",
            summary="Where people are told.",
            role=Role.ADMIN,
            answers={200: (ChannelPage,)},
            query=PAGING,
        ),
        _list,
    ),
    Route(_endpoint("POST", "/notification-channels", "Add a channel.", 201, NewChannel), _create),
    Route(_endpoint("GET", ONE, "One channel."), _get),
    Route(_endpoint("PUT", ONE, "Edit a channel; its secret stays.", body=ChannelBody), _edit),
    Route(_endpoint("DELETE", ONE, "Remove a channel.", 204), _delete),
    Route(_endpoint("PUT", f"{ONE}/secret", "Set its secret.", body=ChannelSecret), _set_secret),
    Route(_endpoint("DELETE", f"{ONE}/secret", "Forget its secret."), _drop_secret),
)
