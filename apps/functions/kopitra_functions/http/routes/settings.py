"""Layers of settings and guards: of the tenant's platform, of a group, of a follower."""

from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.engine import RowMapping

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import TenantId
from kopitra.domain.instants import rfc3339
from kopitra.domain.settings import NOTHING_SET, CopySettings, SettingsScope
from kopitra.machine.commands import PublishSettings
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.operations import LayerSettings
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Route
from kopitra_functions.http.etags import require_version
from kopitra_functions.http.judging import judge_settings, read_layer
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.rows import edit, find, insert, known_tenant, of_tenant, require
from kopitra_functions.publishing.revisions import next_revision
from kopitra_functions.sql.tables import accounts, copy_groups, settings_layers

BY_TARGET = Listing("settings", (settings_layers.c.scope, settings_layers.c.target))


class LayerBody(Asked, frozen=True):
    """What the layer sets and guards; the whole of it: it takes the place of what was there."""

    settings: CopySettings = NOTHING_SET
    guards: tuple[Guard, ...] = ()


class LayerView(Shown, frozen=True):
    """A layer that was never written is there, empty, at version 0."""

    scope: SettingsScope
    target: str
    tenant: str
    settings: CopySettings
    guards: Sequence[Guard]
    revision: int
    updated_at: str | None
    updated_by: str | None
    version: int


class LayerPage(Shown, frozen=True):
    items: list[LayerView]
    cursor: str
    more: bool


def _view(row: RowMapping) -> LayerView:
    settings, guards = read_layer(row)
    return LayerView(
        scope=SettingsScope(row["scope"]),
        target=row["target"],
        tenant=row["tenant"],
        settings=settings,
        guards=guards,
        revision=row["revision"],
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


def _empty(tenant: str, scope: SettingsScope, target: str) -> LayerView:
    return LayerView(
        scope=scope,
        target=target,
        tenant=tenant,
        settings=NOTHING_SET,
        guards=(),
        revision=0,
        updated_at=None,
        updated_by=None,
        version=0,
    )


class _Place:
    """Which layer a route is about."""

    def __init__(self, scope: SettingsScope) -> None:
        self.scope = scope

    def target(self, call: Call) -> str:
        return call.params.get("target", "")

    def tenant(self, connection: Connection, call: Call) -> str:
        """Whose group or follower it is, or whose platform. Raises Rejected."""
        match self.scope:
            case SettingsScope.PLATFORM:
                return call.own_tenant
            case SettingsScope.GROUP:
                return require(connection, call, copy_groups, copy_group=self.target(call))["tenant"]
            case SettingsScope.FOLLOWER:
                return require(connection, call, accounts, account=self.target(call))["tenant"]

    def row(self, connection: Connection, call: Call, tenant: str) -> RowMapping | None:
        where = {"tenant": tenant, "scope": str(self.scope), "target": self.target(call)}
        return find(connection, call, settings_layers, **where)

    async def get(self, call: Call) -> Reply:
        def work(connection: Connection) -> LayerView:
            tenant = self.tenant(connection, call)
            row = self.row(connection, call, tenant)
            return _view(row) if row is not None else _empty(tenant, self.scope, self.target(call))

        view = await call.read(work)
        return told(view, version=view.version)

    async def put(self, call: Call) -> Reply:
        body: LayerBody = call.message

        def work(change: Change) -> Reply:
            if self.scope is SettingsScope.PLATFORM:
                known_tenant(change, call)
            tenant = self.tenant(change.connection, call)
            row = self.row(change.connection, call, tenant)
            require_version(call.expected, row["version"] if row is not None else 0)
            revision = next_revision(row["revision"] if row is not None else 0, change.now)
            self._judge(change, call, tenant, revision, body)
            self._save(change, call, tenant, row, body, revision)
            return self._publish(change, call, tenant, revision, body)

        return await call.change(work)

    def _judge(self, change: Change, call: Call, tenant: str, revision: int, body: LayerBody) -> None:
        command = PublishSettings(
            scope=self.scope,
            target=self.target(call),
            tenant=TenantId(tenant),
            revision=revision,
            settings=body.settings,
            guards=body.guards,
        )
        judge_settings(change.connection, command, change.now)

    def _save(
        self,
        change: Change,
        call: Call,
        tenant: str,
        row: RowMapping | None,
        body: LayerBody,
        revision: int,
    ) -> None:
        keys = {"tenant": tenant, "scope": str(self.scope), "target": self.target(call)}
        values = {"settings": body.settings, "guards": body.guards, "revision": revision}
        if row is None:
            insert(change, settings_layers, keys | values)
        else:
            edit(change, settings_layers, keys, row["version"], values)

    def _publish(self, change: Change, call: Call, tenant: str, revision: int, body: LayerBody) -> Reply:
        target = self.target(call)
        settings = LayerSettings(scope=self.scope, target=target, settings=body.settings, guards=body.guards)
        follower = target if self.scope is SettingsScope.FOLLOWER else None
        change.publish(settings, tenant=tenant, revision=revision, account=follower)
        change.audit(
            f"settings.{self.scope}",
            "settings",
            target or tenant,
            tenant=tenant,
            account=follower,
            detail=body,
        )
        row = self.row(change.connection, call, tenant)
        assert row is not None, "it has just been written"
        return told(_view(row), version=row["version"])


async def _list(call: Call) -> Reply:
    query = of_tenant(call, settings_layers)
    found = await call.read(lambda c: listed(c, query, BY_TARGET, call.query))
    return told(LayerPage(items=found.told(_view), cursor=found.cursor, more=found.more))


def _routes(scope: SettingsScope, path: str, of: str, role: Role) -> tuple[Route, ...]:
    place = _Place(scope)
    get = Endpoint(
        method="GET",
        path=path,
        summary=f"Settings and guards of {of}.",
        role=Role.VIEWER,
        answers={200: (LayerView,)},
    )
    put = Endpoint(
        method="PUT",
        path=path,
        summary=f"Replace the settings and guards of {of}.",
        role=role,
        body=(LayerBody,),
        answers={200: (LayerView,)},
        edits=True,
    )
    return Route(get, place.get), Route(put, place.put)


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/settings",
            summary="Every layer of settings that was written.",
            role=Role.VIEWER,
            answers={200: (LayerPage,)},
            query=PAGING,
        ),
        _list,
    ),
    *_routes(SettingsScope.PLATFORM, "/settings/platform", "the tenant's whole platform", Role.ADMIN),
    *_routes(SettingsScope.GROUP, "/settings/groups/{target}", "a copy group", Role.OPERATOR),
    *_routes(SettingsScope.FOLLOWER, "/settings/followers/{target}", "a follower", Role.OPERATOR),
)
