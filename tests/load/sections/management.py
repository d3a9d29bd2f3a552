"""The management side's lists over 5,000 accounts and a million executions, at 50 requests a second.

The whole way is measured, from the moment at which a request was due until its body is there: a function host in a
process of its own, its gate, SQLite, and the answer. Whoever is late is late: requests do not wait for one another.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from aiohttp import ClientSession, TCPConnector
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.load.management_rows import (
    ACCOUNTS,
    BEGAN,
    DAYS,
    EXECUTIONS,
    RARE_SYMBOL,
    SYMBOLS,
    TENANTS,
    fill,
)
from tests.load.processes import BenchFailed, started
from tests.load.report import Figure, figure
from tests.load.samples import median, quantile

PER_SECOND = 50
SECONDS = 40
WARM_REQUESTS = 100
"""Untold: a process that has just started reads code and pages."""
CONNECTIONS = 32
ISSUER, AUDIENCE = "https://issuer.example", "kopitra"
TOKEN_SECONDS = 86_400
SEED = 20260105
TENANT = TENANTS[0]
OK = 200

Sample = tuple[str, float]
"""Which list, and seconds."""


def run(folder: Path) -> list[Figure]:
    place = folder / "management"
    place.mkdir()
    filled = fill(place / "management.sqlite", number_of_accounts=ACCOUNTS, deals=EXECUTIONS)
    key = ECKey.generate_key("P-256", {"kid": "bench", "use": "sig"})
    (place / "keys.json").write_bytes(msgspec.json.encode(KeySet([key]).as_dict(private=False)))
    command = [sys.executable, "-m", "kopitra_cli", "functions", "--port", "0"]
    with started(command, place, _settings(place)) as running:
        url = running.wrote(r"listening on (http://\S+)")
        samples = asyncio.run(_load(url, _token(key)))
    return [*_figures(samples), figure("management.rows.filled", filled.seconds, "s")]


def _settings(folder: Path) -> dict[str, str]:
    settings = {
        "data_folder": str(folder),
        "operator_issuer": ISSUER,
        "operator_audience": AUDIENCE,
        "operator_jwks": str(folder / "keys.json"),
        "log_level": "warning",
    }
    return {f"KOPITRA_FUNCTIONS_{name.upper()}": value for name, value in settings.items()}


def _token(key: ECKey) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "bench", "exp": int(time.time()) + TOKEN_SECONDS}
    return jwt.encode({"alg": "ES256", "kid": "bench"}, claims | {"tenant": TENANT, "roles": ["viewer"]}, key)


class _Lists:
    """Draws what a console asks for: first pages mostly, filtered ones, and pages far down."""

    def __init__(self, draw: Random) -> None:
        self._draw = draw
        self._behind: dict[str, str] = {}
        """List → cursor of the page that it gave last."""

    def next(self) -> tuple[str, str]:
        """The list's name, and its path."""
        account = f"a{self._draw.randrange(ACCOUNTS) // 10 * 10 + 1:05}"
        day = BEGAN.toordinal() + self._draw.randrange(DAYS)
        since = f"{BEGAN.fromordinal(day):%Y-%m-%d}T00:00:00Z"
        leader = f"a{self._draw.randrange(ACCOUNTS // 100) * 100 + 1:05}"
        name, path = self._draw.choice(
            (
                ("accounts", "/accounts"),
                ("accounts by label", f"/accounts?label=Account%200{self._draw.randrange(10)}"),
                ("subscriptions", "/subscriptions"),
                ("subscriptions of a follower", f"/subscriptions?follower={account}"),
                ("groups of a leader", f"/copy-groups?leader={leader}"),
                ("executions", "/executions"),
                ("executions of an account", f"/executions?account={account}"),
                ("executions of a symbol", f"/executions?symbol={self._draw.choice(SYMBOLS)}"),
                ("decisions of a symbol", f"/decisions?symbol={self._draw.choice(SYMBOLS)}"),
                ("decisions of a rare symbol", f"/decisions?symbol={RARE_SYMBOL}"),
                ("executions until a day", f"/executions?until={since}"),
            )
        )
        cursor = self._behind.get(name)
        if cursor and path.partition("?")[1] == "" and self._draw.random() < 0.5:
            return f"{name}, next page", f"{path}?cursor={cursor}"
        return name, path

    def gave(self, name: str, page: dict[str, Any]) -> None:
        if page["more"]:
            self._behind[name.partition(",")[0]] = page["cursor"]


async def _load(url: str, token: str) -> list[Sample]:
    lists, samples = _Lists(Random(SEED)), list[Sample]()
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(headers=headers, connector=TCPConnector(limit=CONNECTIONS)) as client:

        async def ask(due: float) -> Sample:
            name, path = lists.next()
            async with client.get(f"{url.rstrip('/')}/api/admin{path}") as answer:
                body = await answer.read()
                took = time.monotonic() - due
            if answer.status != OK:
                raise BenchFailed(f"{path}: {answer.status} {body[:500]!r}")
            lists.gave(name, msgspec.json.decode(body))
            return name, took

        for _ in range(WARM_REQUESTS):
            await ask(time.monotonic())
        began = time.monotonic()
        waiting: list[asyncio.Task[Sample]] = []
        for number in range(PER_SECOND * SECONDS):
            due = began + number / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            waiting.append(asyncio.create_task(ask(due)))
        samples.extend(await asyncio.gather(*waiting))
    return samples


def _figures(samples: Sequence[Sample]) -> list[Figure]:
    seconds = [took for _, took in samples]
    slowest = max({name for name, _ in samples}, key=lambda each: _p95(samples, each))
    figures = [
        figure("management.lists.median", median(seconds) * 1000, "ms"),
        figure("management.lists.p95", quantile(seconds, 0.95) * 1000, "ms"),
        figure("management.lists.p99", quantile(seconds, 0.99) * 1000, "ms"),
    ]
    return [*figures, figure(f"management.{slowest}.p95", _p95(samples, slowest) * 1000, "ms")]


def _p95(samples: Sequence[Sample], name: str) -> float:
    return quantile([took for each, took in samples if each == name], 0.95)
