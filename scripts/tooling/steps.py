"""Run commands where a reader can follow them, and say afterwards how long each took."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository's root."""


class Failed(Exception):
    """A step did not succeed; the text says what to do about it."""


@dataclass(frozen=True)
class Outcome:
    name: str
    seconds: float
    passed: bool


def say(text: str) -> None:
    print(f"▸ {text}", flush=True)


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> int:
    """The command's exit code; its output goes where ours goes. A command that cannot start counts as 127."""
    sys.stdout.flush()
    try:
        return subprocess.run([str(part) for part in command], env=env, cwd=cwd, check=False).returncode
    except OSError as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr)
        return 127


def hand_over(command: Sequence[str | Path], env: Mapping[str, str]) -> int:
    """End as this command: an interrupt or a kill then reaches the process that knows what else it started."""
    if os.name != "nt":  # there a replaced process counts as ended
        sys.stdout.flush()
        os.chdir(ROOT)
        os.execve(command[0], [str(part) for part in command], dict(env))
    return run(command, env=env)


def must(
    command: Sequence[str | Path], why: str, *, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> None:
    """Run it, or raise `Failed` with `why`."""
    if code := run(command, env=env, cwd=cwd):
        raise Failed(f"{why} ({Path(command[0]).name} ended with {code})")


def timed(name: str, work: Callable[[], bool]) -> Outcome:
    say(name)
    start = time.monotonic()
    passed = work()
    return Outcome(name, time.monotonic() - start, passed)


def table(outcomes: Sequence[Outcome]) -> str:
    width = max(len(outcome.name) for outcome in outcomes)
    lines = [
        f"  {'✓' if outcome.passed else '✗'} {outcome.name:<{width}}  {outcome.seconds:6.1f} s"
        for outcome in outcomes
    ]
    return "\n".join(lines)
