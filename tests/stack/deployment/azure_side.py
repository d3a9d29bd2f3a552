"""Azure's side of a deployment, as far as it is asked: deployment sites, apps that report their build, Resource
Manager, a SQL server behind its firewall. It minds what the real one minds, and does wrong what a test tells it to."""

import io
import json
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from stack.deployment.http import RequestsHttp
from stack.deployment.site import scm_host
from stack.deployment.world import Answer, DeploymentFailed, SqlRefused, Unreachable, World
from stack.packages.building import BUILD_FILE

MANAGEMENT_HOST = "management.azure.com"
ADDRESS = "203.0.113.99"
"""Whoever deploys."""
CLIENT_ID = "4a3f1c5e-0f6b-4d58-9a3e-2b1c0d9e8f70"
SUCCEEDED, FAILED, UNDER_WAY = 4, 3, 1
POLLS = 2
"""How often a deployment is asked for before it is done."""


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class App:
    """One app or slot. `broken`: builds that start and never become healthy."""

    host: str
    path: str
    build: str | None = None
    broken: set[str] = field(default_factory=set[str])
    polls: int = 0
    arriving: str | None = None
    published: list[str] = field(default_factory=list[str])


class AzureSide:
    """`asked`: every request in order, as `METHOD host/path`."""

    def __init__(self, *apps: App) -> None:
        self.apps = {app.host: app for app in apps}
        self.asked: list[str] = []
        self.faults: dict[str, list[Answer | None]] = {}
        """What `METHOD host/path` is answered first; None: no answer at all."""
        self.refuses_packages = False
        self.unresolved = 0
        """How often the references to the vault are asked for before they are resolved."""
        self.rules: dict[str, str] = {}
        """The SQL server's firewall: name → address."""
        self.paused_tries = 0
        self.statements: list[str] = []
        self.migrated: list[tuple[str, str]] = []
        self.open_connections = 0
        self.migration_fails = False
        self.contents: list[tuple[str, str]] = []

    def world(self, root: Path, clock: Clock | None = None, http: Any = None) -> World:
        return World(
            http=http or self,
            timing=clock or Clock(),
            token=lambda scope: f"token for {scope}",
            connect=self.connect,
            migrate=self.migrate,
            publish_content=lambda folder, token: self.contents.append((folder.name, token)),
            root=root,
        )

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        file: Path | None = None,
    ) -> Answer:
        parts = urlsplit(url)
        body = file.read_bytes() if file is not None else json
        return self.answer(method, parts.netloc, unquote(parts.path), parts.query, headers or {}, body)

    def answer(
        self, method: str, host: str, path: str, query: str, headers: Mapping[str, str], body: Any
    ) -> Answer:
        asked = f"{method} {host}{path}"
        self.asked.append(asked)
        if self.faults.get(asked):
            fault = self.faults[asked].pop(0)
            if fault is None:
                raise Unreachable(f"{host} does not answer")
            return fault
        if host in self.apps:
            return self._health(self.apps[host])
        if headers.get("Authorization") != f"Bearer token for https://{MANAGEMENT_HOST}/.default":
            return Answer(401)
        if host == MANAGEMENT_HOST:
            return self._manage(method, path, parse_qs(query), body)
        for app in self.apps.values():
            if scm_host(app.host) == host:
                return self._kudu(app, method, path, query, body)
        raise Unreachable(f"{host} is not known")

    def _health(self, app: App) -> Answer:
        if app.build is None:
            return Answer(503)
        return Answer(503 if app.build in app.broken else 200, {"status": "…", "build": app.build})

    def _kudu(self, app: App, method: str, path: str, query: str, body: Any) -> Answer:
        if self.refuses_packages:
            return Answer(403)
        if (method, path) == ("POST", "/api/publish"):
            with zipfile.ZipFile(io.BytesIO(body)) as package:
                app.arriving = package.read(BUILD_FILE).decode()
            app.published.append(query)
            app.polls = 0
            place = f"https://{scm_host(app.host)}/api/deployments/d1"
            return Answer(202, "d1", {} if "RemoteBuild" in query else {"location": place})
        assert (method, path) == ("GET", "/api/deployments/d1")
        app.polls += 1
        if app.polls < POLLS:
            return Answer(202, {"status": UNDER_WAY})
        if app.arriving == "corrupt":
            return Answer(200, {"status": FAILED, "status_text": "the archive is damaged"})
        app.build = app.arriving
        return Answer(200, {"status": SUCCEEDED})

    def _manage(self, method: str, path: str, query: Mapping[str, list[str]], body: Any) -> Answer:
        assert query.get("api-version"), path
        if path.endswith("/slotsswap"):
            app = next(each for each in self.apps.values() if path == f"{each.path}/slots/staging/slotsswap")
            slot = next(each for each in self.apps.values() if each.path == f"{app.path}/slots/staging")
            app.build, slot.build = slot.build, app.build
            ended = f"https://{MANAGEMENT_HOST}/operations/1?api-version=2024-04-01"
            return Answer(202, None, {"location": ended})
        if path == "/operations/1":
            return Answer(200)
        if "/config/configreferences/appsettings" in path:
            return self._references(method)
        if "/firewallRules/" in path:
            return self._rule(method, path.rpartition("/")[2], body)
        if path.endswith("/identities/default"):
            return Answer(200, {"properties": {"clientId": CLIENT_ID, "principalId": "p", "tenantId": "t"}})
        if path.endswith("/listSecrets"):
            return Answer(200, {"properties": {"apiKey": "token-of-the-site"}})
        raise AssertionError(f"{method} {path}")

    def _references(self, method: str) -> Answer:
        if method == "POST":
            return Answer(200)
        self.unresolved = max(0, self.unresolved - 1)
        status = "Resolved" if self.unresolved == 0 else "AccessToKeyVaultDenied"
        value = [{"name": "KOPITRA_TOKEN_KEYS", "properties": {"status": status, "details": "no role yet"}}]
        return Answer(200, {"value": value})

    def _rule(self, method: str, name: str, body: Any) -> Answer:
        if method == "PUT":
            assert body["properties"]["startIpAddress"] == body["properties"]["endIpAddress"]
            self.rules[name] = body["properties"]["startIpAddress"]
            return Answer(201, {})
        return Answer(200 if self.rules.pop(name, None) is not None else 204)

    def connect(self, server: str, database: str, token: str) -> "Connection":
        assert token == "token for https://database.windows.net/.default"
        if ADDRESS not in self.rules.values():
            raise SqlRefused(
                f"Cannot open server '{server}' requested by the login."
                f" Client with IP address '{ADDRESS}' is not allowed to access the server."
            )
        if self.paused_tries:
            self.paused_tries -= 1
            raise SqlRefused(f"Database '{database}' on server '{server}' is not currently available.")
        self.open_connections += 1
        return Connection(self)

    def migrate(self, server: str, database: str, token: str) -> None:
        assert ADDRESS in self.rules.values()
        if self.migration_fails:
            raise DeploymentFailed("the tables were not brought up to date")
        self.migrated.append((server, database))


class Connection:
    def __init__(self, side: AzureSide) -> None:
        self._side = side

    def run(self, statement: str) -> None:
        self._side.statements.append(statement)

    def close(self) -> None:
        self._side.open_connections -= 1


def package(folder: Path, app: str, build: str) -> Path:
    """An archive as `package_of` leaves it, with nothing in it but its build."""
    packages = folder / "build" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    archive = packages / f"{app}-{build}.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr(BUILD_FILE, build)
    archive.with_suffix(".build").write_text(build)
    return archive


class Redirected(RequestsHttp):
    """The real client, over a real socket: every host is the stand-in's."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def ask(self, method: str, url: str, **more: Any) -> Answer:
        return super().ask(method, url.replace("https://", f"http://127.0.0.1:{self._port}/"), **more)


@contextmanager
def listening(side: AzureSide) -> Generator[int]:
    """The port on which it answers HTTP; the first part of a path is the host."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            host, _, path = parts.path.removeprefix("/").partition("/")
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = (self.headers.get("Content-Type") or "").startswith("application/json")
            body = json.loads(raw) if is_json else raw
            answer = side.answer(
                self.command, host, "/" + unquote(path), parts.query, dict(self.headers), body
            )
            encoded = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {**answer.headers, "content-length": str(len(encoded))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 — the names are the library's

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Not wanted."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
