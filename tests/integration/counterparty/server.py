"""The real server in a process of its own, and an EA that calls it."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from kopitra.application.submission import Phase, Taken
from kopitra.application.tokens import code_hash
from kopitra.domain.identifiers import AccountId, DeviceId, SubscriptionId
from kopitra.machine import commands
from kopitra_counterparty.bootstrap import open_ports
from kopitra_counterparty.service import Service
from kopitra_counterparty.settings import Settings, load_settings
from tests.fixtures.intents import intent
from tests.fixtures.serving import KEY_ID, SERVICE_KEY, process_environment
from tests.fixtures.wire import Answer, Line
from tests.unit.copying.world import GROUP, LEADER, TENANT, spec
from tests.unit.machine.driven import SAME

READY_SECONDS = 30.0
DEVICE = DeviceId("vps")
SECRET = "the secret of every device here"


class Server:
    """`python -m kopitra_counterparty` on a folder; `log` holds its lines so far."""

    def __init__(self, folder: Path, file_bytes: int | None = None, **settings: str) -> None:
        """`file_bytes`: no file grows beyond, as on a full disk."""
        self.folder = folder
        self.log: list[dict[str, Any]] = []
        self.port = 0
        self._changed = asyncio.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kopitra_counterparty"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=process_environment(folder, **settings),
        )
        if file_bytes is not None:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, self.process.stdout.readline):
            self.log.append(msgspec.json.decode(line))
            self._changed.set()
        self._changed.set()

    async def said(self, event: str, seconds: float = READY_SECONDS) -> dict[str, Any]:
        """The first log line of this event, waited for."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.log:
                    if line["event"] == event:
                        return line
                assert not self._reading.done(), f"the server ended: {self.errors()}"
                self._changed.clear()
                await self._changed.wait()

    async def serving(self) -> "Server":
        self.port = (await self.said("listening"))["port"]
        await self.said("serving")
        return self

    async def listening(self) -> "Server":
        self.port = (await self.said("listening"))["port"]
        return self

    def errors(self) -> str:
        assert self.process.stderr is not None
        self.process.wait(READY_SECONDS)
        return self.process.stderr.read().decode()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = await asyncio.get_running_loop().run_in_executor(None, self.process.wait, READY_SECONDS)
        await self._reading
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code

    async def ea(self, account: str, key: str = "open") -> "Ea":
        """A connected EA with a session."""
        ea = Ea(account, Line(self.port))
        await ea.open(key)
        return ea


class Ea:
    def __init__(self, account: str, line: Line) -> None:
        self.account = account
        self.line = line
        self.token = ""
        self.session: Any = None
        self._calls = 0

    async def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        self._calls += 1
        headers = {
            "X-TradeAgent-Account": self.account,
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": key or f"{self.account}-{self._calls}-{os.urandom(4).hex()}",
        }
        raw = None if body is None else msgspec.json.encode(body)
        return await self.line.call(method, path, raw, headers)

    async def open(self, key: str) -> Answer:
        answer = await self.call("POST", "/sessions", {"secret": SECRET, "deviceId": DEVICE}, key)
        if answer.status == 201:
            self.session = answer.json
            self.token = self.session["sessionToken"]
        return answer

    async def signal(self, ref: str, ordinal: int, action: str = "open", key: str | None = None) -> Answer:
        return await self.call("POST", "/signals", intent(ref, ordinal, action), key)

    async def poll(self, cursor: int, wait: int = 0, limit: int = 100) -> Answer:
        return await self.call("GET", f"/sessions/current/outbox?cursor={cursor}&wait={wait}&limit={limit}")


def settings_for(folder: Path) -> Settings:
    return load_settings(data_folder=folder, token_keys={KEY_ID: SERVICE_KEY}, token_key_id=KEY_ID)


async def seed(folder: Path, followers: int = 1) -> None:
    """Configure a leader and followers on this folder, each with an enrolled device that has `SECRET`."""
    ports = await open_ports(settings_for(folder))
    service = Service(settings_for(folder), ports)
    service.start()
    while service.core.engine.phase is not Phase.SERVING:  # noqa: ASYNC110  # once, in a test's preparation
        await asyncio.sleep(0.01)
    secret_hash = await ports.hashes.hash(SECRET)
    names = [LEADER, *(AccountId(f"follower-{number}") for number in range(followers))]
    wanted = [command for name in names for command in _account(name, secret_hash)]
    wanted.append(commands.PublishGroup(group=GROUP, tenant=TENANT, revision=1, leaders=(LEADER,)))
    wanted += [
        commands.PublishSubscription(
            subscription=SubscriptionId(f"sub-{name}"),
            tenant=TENANT,
            revision=1,
            group=GROUP,
            follower=name,
            rules=SAME,
        )
        for name in names[1:]
    ]
    for start in range(0, len(wanted), 500):
        for outcome in await service.core.engine.submit(wanted[start : start + 500]):
            assert isinstance(outcome, Taken), outcome
    await service.stop()
    await ports.close()


def _account(name: AccountId, secret_hash: str) -> list[commands.Command]:
    code = code_hash(f"code of {name}")
    return [
        commands.PublishAccount(account=name, tenant=TENANT, revision=1, enrolment_code_hash=code),
        commands.TakeCatalog(account=name, symbols=(spec(),), digest="d"),
        commands.Enrol(code_hash=code, device=DEVICE, secret_hash=secret_hash),
    ]
