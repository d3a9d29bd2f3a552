"""Runs the commands, or shows them."""

import ctypes
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stack.bootstrap.commands import ME, Step, filled
from stack.bootstrap.plan import BootstrapRefused, Place

PATIENCE_SECONDS = 300.0
"""A grant holds within five minutes."""
PAUSE_SECONDS = 15.0
TOLD_CHARACTERS = 1000
DRIVER_NEEDS = "libltdl.so.7"


class StepFailed(Exception):
    """A command said no; the text ends with its words."""


def _run(command: Sequence[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Hands:
    """What the steps are done with."""

    run: Callable[..., subprocess.CompletedProcess[str]] = _run
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = print


def show(steps: Iterable[Step], say: Callable[[str], None]) -> None:
    for step in steps:
        say(f"# {step.says}" + (f", which gives {step.gives}" if step.gives else ""))
        if step.unless is not None:
            say(f"{shlex.join(step.unless)} ||")
        say(shlex.join(step.command))


def carry_out(steps: Iterable[Step], place: Place, hands: Hands) -> Mapping[str, str]:
    """What the steps gave, by placeholder. Raises BootstrapRefused before anything is made, StepFailed."""
    known = {ME: _who(place, hands)}
    for step in steps:
        told = _until_done(step, known, hands)
        if step.gives is not None:
            known[step.gives] = _one_word(step, told)
    return known


def require_programs(*names: str) -> None:
    """Raises BootstrapRefused."""
    for name in names:
        if shutil.which(name) is None:
            raise BootstrapRefused(f"{name} is not on PATH; docs/deploying.md says how to get it")


def require_driver() -> None:
    """Of SQL Server: `pulumi up` loads it when it migrates the database, after everything else. Raises
    BootstrapRefused."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(DRIVER_NEEDS)
        except OSError:
            raise BootstrapRefused(
                "the driver of SQL Server needs libltdl: sudo apt-get install libltdl7"
            ) from None


def _who(place: Place, hands: Hands) -> str:
    """The object id of whoever is signed in, to the very subscription that the environment's file names."""
    account = hands.run(("az", "account", "show", "--query", "id", "--output", "json"))
    if account.returncode:
        raise BootstrapRefused("nobody is signed in: az login")
    subscription = json.loads(account.stdout)
    if subscription != place.subscription:
        raise BootstrapRefused(
            f"you are signed in to the subscription {subscription}, and Pulumi.{place.environment}.yaml names "
            f"{place.subscription}: az account set --subscription {place.subscription}"
        )
    me = hands.run(("az", "ad", "signed-in-user", "show", "--query", "id", "--output", "json"))
    if me.returncode:
        raise BootstrapRefused("whoever is signed in is no person; the first bootstrap is a person's to do")
    return str(json.loads(me.stdout))


def _until_done(step: Step, known: Mapping[str, str], hands: Hands) -> str:
    """What the step told, or what was there already; that is looked at before every attempt: it may be that only the
    grant to see it was missing. Raises StepFailed."""
    command, waited = filled(step.command, known), 0.0
    while not (told := _told_by_what_exists(step, known, hands)):
        done = hands.run(command)
        if done.returncode == 0:
            hands.say(f"✓ {step.says}")
            return done.stdout.strip()
        if not step.patient or waited >= PATIENCE_SECONDS:
            words = (done.stderr or done.stdout).strip()[-TOLD_CHARACTERS:]
            raise StepFailed(f"{step.says}: {shlex.join(command)} said: {words}")
        if not waited:
            hands.say(f"… {step.says}: waiting for what was just made or granted")
        hands.sleep(PAUSE_SECONDS)
        waited += PAUSE_SECONDS
    hands.say(f"✓ {step.says}: exists")
    return told


def _told_by_what_exists(step: Step, known: Mapping[str, str], hands: Hands) -> str:
    """Nothing where the step is to be done."""
    if step.unless is None:
        return ""
    looked = hands.run(filled(step.unless, known))
    return "" if looked.returncode else looked.stdout.strip()


def _one_word(step: Step, told: str) -> str:
    """Raises StepFailed: of two things of one name nobody knows which is meant."""
    words = told.split()
    if len(words) != 1:
        raise StepFailed(f"{step.says}: there should be one, and there are {len(words)}: {' '.join(words)}")
    return words[0].rpartition("/")[2]
