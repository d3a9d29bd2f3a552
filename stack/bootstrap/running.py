"""Runs the commands, or shows them."""

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stack.bootstrap.plan import ME, BootstrapRefused, Place, Step

PATIENCE_SECONDS = 300.0
"""A grant holds within five minutes."""
PAUSE_SECONDS = 15.0
TOLD_CHARACTERS = 1000


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
        say(f"# {step.says}")
        if step.unless is not None:
            say(f"{shlex.join(step.unless)} ||")
        say(shlex.join(step.command))


def carry_out(steps: Iterable[Step], place: Place, hands: Hands) -> None:
    """Raises BootstrapRefused before anything is made, StepFailed."""
    me = _who(place, hands)
    for step in steps:
        if step.unless is not None and hands.run(step.unless).returncode == 0:
            hands.say(f"✓ {step.says}: exists")
            continue
        _until_done(step, tuple(me if part == ME else part for part in step.command), hands)
        hands.say(f"✓ {step.says}")


def require_programs(*names: str) -> None:
    """Raises BootstrapRefused."""
    for name in names:
        if shutil.which(name) is None:
            raise BootstrapRefused(f"{name} is not on PATH; docs/deploying.md says how to get it")


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


def _until_done(step: Step, command: Sequence[str], hands: Hands) -> None:
    waited = 0.0
    while (done := hands.run(command)).returncode:
        if not step.patient or waited >= PATIENCE_SECONDS:
            words = (done.stderr or done.stdout).strip()[-TOLD_CHARACTERS:]
            raise StepFailed(f"{step.says}: {shlex.join(command)} said: {words}")
        if not waited:
            hands.say(f"… {step.says}: waiting for grants to hold")
        hands.sleep(PAUSE_SECONDS)
        waited += PAUSE_SECONDS
