"""Azure's own worker runtime indexes and invokes the function app. It needs Python 3.13, and an environment."""

import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kopitra_functions.functions import CONNECTION, SCHEDULES
from kopitra_functions.queue_names import EVENTS, HISTORY, TASKS
from scripts.tooling.environment import BIN, digest
from scripts.tooling.steps import ROOT
from tests.management.host.worker import opened

OLDEST = (3, 13)
"""That the runtime is made for."""
NAMES = ("python3.13", "python3.14")
ENVIRONMENT = ROOT / "build" / "functions-runtime"
REQUIREMENTS = [ROOT / "requirements" / f"{name}.txt" for name in ("functions", "functions-runtime")]
APP = ROOT / "apps" / "functions"
SCRIPT = Path(__file__).with_name("worker_runtime.py")

pytestmark = pytest.mark.timeout(300)
"""The environment is made once a checkout: half a minute where nothing is cached."""


def python() -> str | None:
    """One that is new enough: this one, on PATH, or in pyenv."""
    pyenv = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    found = [sys.executable] if sys.version_info[:2] >= OLDEST else []
    for name in NAMES:
        found += [on_path] if (on_path := shutil.which(name)) else []
        found += sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", name)))
    return next((each for each in found if _starts(each)), None)


def _starts(executable: str) -> bool:
    """A shim of a version that is not selected does not."""
    return subprocess.run([executable, "-c", ""], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def runtime() -> str:
    """The Python of an environment that holds what is deployed, and the worker's runtime."""
    base = python()
    if base is None:
        pytest.skip("there is no Python 3.13 here")
    executable, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "requirements.stamp"
    wanted = digest(REQUIREMENTS, base)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([base, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        arguments = [part for file in REQUIREMENTS for part in ("-r", str(file))]
        uv = [str(BIN / "uv"), "--system-certs", "pip", "install", "--quiet", "--python", str(executable)]
        subprocess.run([*uv, "--require-hashes", *arguments], check=True)
        stamp.write_text(wanted)
    return str(executable)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runtime")


@pytest.fixture(scope="module")
def said(runtime: str, folder: Path) -> Mapping[str, Any]:
    """What the runtime made of the app, whose data are in the folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KOPITRA_")}
    paths = os.pathsep.join([str(ROOT / "core"), str(APP)])
    settings = {"KOPITRA_FUNCTIONS_DATA_FOLDER": str(folder), "PYTHONPATH": paths}
    done = subprocess.run(
        [runtime, str(SCRIPT), str(APP)],
        cwd=folder,
        env=inherited | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert "error" not in result, result["error"]
    return result


def test_it_finds_every_function_with_its_trigger(said: Mapping[str, Any]):
    triggers = {name: bindings[0] for name, bindings in said["functions"].items()}
    assert triggers.keys() == {"http", "events", "task", *SCHEDULES}
    assert (triggers["http"]["type"], triggers["http"]["route"]) == ("httpTrigger", "/{*route}")
    assert triggers["http"]["authLevel"].lower() == "anonymous"
    for name, queue, cardinality in (("events", EVENTS, "many"), ("task", TASKS, "one")):
        trigger = triggers[name]
        assert (trigger["type"], trigger["queueName"]) == ("serviceBusTrigger", queue)
        assert (trigger["connection"], trigger["cardinality"].lower()) == (CONNECTION, cardinality)
        assert trigger["dataType"].lower() == "binary"
    for name, schedule in SCHEDULES.items():
        assert (triggers[name]["type"], triggers[name]["schedule"]) == ("timerTrigger", schedule)


def test_requests_are_answered_by_the_application(said: Mapping[str, Any]):
    assert (said["health"]["ok"], said["health"]["status"]) == (True, 200)
    assert (said["unreadable"]["status"], said["unknown"]["status"]) == (400, 404)
    assert json.loads(said["unknown"]["body"])["code"] == "not_found"


async def test_a_batch_of_events_reaches_the_history_queue_byte_for_byte(
    said: Mapping[str, Any], folder: Path
):
    assert said["events"] == [True, None]
    history = await opened(folder, HISTORY)
    waiting = await history.peek(10)
    await history.close()
    bodies = [(each.message.message_id, each.message.body) for each in waiting]
    assert bodies == [("m-0", b'{"b": 1, "a":2}'), ("m-1", b'{"c":3}')]
    assert waiting[0].message.application_properties == {"tries": "1"}


def test_a_timer_runs_and_what_a_function_raises_reaches_the_host(said: Mapping[str, Any]):
    assert said["timer"] == [True, None]
    ok, error = said["task"]
    assert not ok
    assert error
