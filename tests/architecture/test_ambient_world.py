"""Clock, sleep, chance, ids, threads and executors enter by ports: only the modules named here touch the real ones."""

import ast
from fnmatch import fnmatchcase

import pytest

from tests.architecture.ambient import ambient_uses
from tests.architecture.sources import modules

MAY_TOUCH_THE_WORLD = {
    "kopitra.adapters.*": "adapters are where the core's ports meet the world",
    "kopitra_*.adapters.*": "the same for the apps' and the agent's own ports",
    "kopitra_*.bootstrap": "wires the real adapters, once per app",
    "kopitra_*.__main__": "where a process starts",
    "kopitra_counterparty.server": "binds the port and hears SIGTERM; nothing that decides is in it",
    "stack.components.*": "names that must be UUIDs are made of other names (uuid5): no chance is in them",
    "stack.packages.*": "runs the installer",
    "stack.release": "asks git",
    "stack.bootstrap.*": "runs the commands that make the place for state and secrets, and waits for grants",
    "stack.deployment.*": "does in Azure what is to be done there",
    "kopitra.simulation.virtual_time": "an event loop is made of a selector; this one never waits on it",
}
"""Pattern of module names → why. Everything else runs under virtual time, one seed one execution."""


def is_exempt(module: str) -> bool:
    return any(fnmatchcase(module, pattern) for pattern in MAY_TOUCH_THE_WORLD)


def test_only_adapters_and_entry_points_touch_the_real_world():
    offences = [
        f"{module.path}:{use.line} uses {use.what}"
        for module in modules()
        if not is_exempt(module.name)
        for use in ambient_uses(module.tree)
    ]
    assert not offences, "take it by constructor argument, as a port:\n" + "\n".join(offences)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import time", "time"),
        ("from time import monotonic", "time"),
        ("import random as chance", "random"),
        ("import concurrent.futures", "concurrent.futures"),
        ("from concurrent.futures import ThreadPoolExecutor", "concurrent.futures"),
        ("from concurrent import futures", "concurrent.futures"),
        ("def late():\n    import uuid", "uuid"),
        ("import asyncio\nasync def f(): await asyncio.sleep(1)", "asyncio.sleep"),
        ("import asyncio as aio\naio.to_thread(print)", "asyncio.to_thread"),
        ("from asyncio import sleep as pause", "asyncio.sleep"),
        ("from datetime import datetime, UTC\ndatetime.now(UTC)", "datetime.datetime.now"),
        ("from datetime import datetime as dt\nclock = dt.utcnow", "datetime.datetime.utcnow"),
        ("import datetime\ndatetime.datetime.now()", "datetime.datetime.now"),
        ("from datetime import date\ndate.today()", "datetime.date.today"),
        ("import os\nos.environ['HOME']", "os.environ"),
        ("from os import urandom", "os.urandom"),
        ("def f(loop): return loop.run_in_executor(None, print)", "run_in_executor"),
    ],
)
def test_a_use_is_found_under_any_name(source: str, what: str):
    assert what in [use.what for use in ambient_uses(ast.parse(source))]


@pytest.mark.parametrize(
    "source",
    [
        "import timeit_report\nfrom kopitra.application.ports.timing import Clock",
        "def f(clock): return clock.now()",
        "from datetime import datetime, UTC\ndatetime(2026, 1, 1, tzinfo=UTC)",
        "import asyncio\nasyncio.Event()",
        "from . import time",
        "import os\nos.replace('a', 'b')",
    ],
)
def test_what_only_resembles_a_use_is_left_alone(source: str):
    assert ambient_uses(ast.parse(source)) == []
