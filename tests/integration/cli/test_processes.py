"""Child processes can be killed and started again, and never outlive whoever started them."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from kopitra_cli.adapters.processes import ChildProcess, StartFailed

READY = "import time\nprint('ready at', 4711, flush=True)\ntime.sleep(60)"
WITH_CHILD = (
    "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
)


def child(folder: Path, code: str, ready: str | None = r"ready at (\d+)") -> ChildProcess:
    return ChildProcess(
        "child", [sys.executable, "-c", code], environment={}, log=folder / "child.log", ready=ready
    )


async def test_a_child_is_ready_when_it_says_so_and_says_where(tmp_path: Path) -> None:
    process = child(tmp_path, READY)
    await process.start()
    assert (process.said, process.failed) == ("4711", None)
    await process.stop()
    assert process.pid is None


async def test_a_killed_child_starts_again_and_its_output_is_kept(tmp_path: Path) -> None:
    process = child(tmp_path, READY)
    for _ in range(2):
        await process.start()
        assert process.pid is not None
        await process.kill()
        assert process.failed is None
    assert process.last_words().count("ready") == 2


async def test_a_child_that_ends_before_it_is_ready_fails_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="no such luck"):
        await child(tmp_path, "raise SystemExit('no such luck')").start()


async def test_a_child_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    process = child(tmp_path, "raise SystemExit(3)", ready=None)
    await process.start()
    for _ in range(500):
        if process.failed is not None:
            break
        await asyncio.sleep(0.02)
    assert process.failed == 3


async def test_killing_a_child_ends_its_own_children_too(tmp_path: Path) -> None:
    process = child(tmp_path, WITH_CHILD + READY)
    await process.start()
    [grandchild] = psutil.Process(process.pid).children()
    await process.kill()
    gone, _ = psutil.wait_procs([grandchild], timeout=5)
    assert gone == [grandchild]


async def test_a_child_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kopitra_cli.adapters.processes.STOP_SECONDS", 0.2)
    process = child(tmp_path, "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY)
    await process.start()
    await process.stop()
    assert process.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
async def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from kopitra_cli.adapters.processes import ChildProcess
async def main():
    code = "import time\\nprint('ready', flush=True)\\ntime.sleep(60)"
    child = ChildProcess('grandchild', [sys.executable, '-c', code], environment={{}},
                         log=Path({str(tmp_path)!r}) / 'grandchild.log', ready='ready')
    await child.start()
    print('ready at', child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = child(tmp_path, code)
    await parent.start()
    grandchild = psutil.Process(int(parent.said))
    assert parent.pid is not None
    os.kill(parent.pid, signal.SIGKILL)
    gone, _ = psutil.wait_procs([grandchild], timeout=5)
    assert gone == [grandchild]
    await parent.kill()
