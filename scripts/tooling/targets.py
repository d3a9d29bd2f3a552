"""The targets of `scripts/dev.py`: what each prepares and runs."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import amqp, environment, locks, node
from .stages import STAGES
from .steps import ROOT, Failed, Outcome, hand_over, run, say, table, timed

PATHS = ("STATEMENT",)
"""Variables that name a file, relative to where the command was typed."""

ZIZMOR = ("--offline", "--no-progress", "--min-severity", "medium", ".github")

SIMULATED_SEEDS = "20"
"""How many seeds `simulate` tries where nobody says: enough to notice a fault, quick enough to wait for."""

SIMULATIONS = {"PLANTED": "tests.simulation.planted.hunting", "DOCUMENT": "tests.simulation.documenting"}
"""What `simulate` does instead of playing seeds where one of these is set."""


@dataclass(frozen=True)
class Target:
    summary: str
    work: Callable[[Sequence[str]], int]
    variables: Mapping[str, str]
    """Name → what it does; given as NAME=value or in the environment."""


def setup(_: Sequence[str]) -> int:
    environment.prepare()
    amqp.prepare()
    node.prepare_tools()
    say("Ready")
    return 0


def demo(arguments: Sequence[str]) -> int:
    environment.prepare()
    return hand_over([environment.PYTHON, "-m", "kopitra_cli", "demo", *arguments], environment.variables())


def bench(arguments: Sequence[str]) -> int:
    environment.prepare()
    return hand_over([environment.PYTHON, "-m", "tests.load.run", *arguments], environment.variables())


def simulate(arguments: Sequence[str]) -> int:
    environment.prepare()
    os.environ.setdefault("SEEDS", SIMULATED_SEEDS)
    asked = next((name for name in SIMULATIONS if os.environ.get(name)), "")
    return hand_over(
        [environment.PYTHON, "-m", SIMULATIONS.get(asked, "tests.simulation.batch"), *arguments],
        environment.variables(),
    )


def test(arguments: Sequence[str]) -> int:
    environment.prepare()
    amqp.prepare()
    env = node.prepare()
    chosen, rest = chosen_stages(arguments)
    named = any(part.startswith("tests/") for part in rest)
    paths = [] if named else [path for stage in chosen for path in stage_paths(stage)]
    return hand_over([environment.PYTHON, "-m", "pytest", *paths, *rest], env)


def of_the_stack(module: str, *before: str) -> Callable[[Sequence[str]], int]:
    """A command of the stack's own: it runs without the apps."""

    def work(arguments: Sequence[str]) -> int:
        environment.prepare()
        command = [environment.PYTHON, "-m", f"stack.{module}", *before, *arguments]
        return hand_over(command, environment.variables())

    return work


def chosen_stages(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The stages that `--only` names (all without it), and the arguments that are pytest's."""
    chosen: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        name, _, value = argument.partition("=")
        if name != "--only":
            rest.append(argument)
            continue
        stage = value or next(left, "")
        if stage not in STAGES:
            raise Failed(f"--only takes one of {', '.join(STAGES)}, not {stage!r}")
        chosen.append(stage)
    return chosen or list(STAGES), rest


def stage_paths(stage: str) -> list[str]:
    return [f"tests/{folder}" for folder in STAGES[stage] if (ROOT / "tests" / folder).is_dir()]


def check(_: Sequence[str]) -> int:
    environment.prepare()
    amqp.prepare()
    env = node.prepare_tools()
    python = environment.PYTHON

    def passes(*command: str | Path) -> Callable[[], bool]:
        return lambda: run(command, env=env) == 0

    outcomes = [
        timed("ruff check", passes(python, "-m", "ruff", "check")),
        timed("ruff format", passes(python, "-m", "ruff", "format", "--check")),
        timed("layers (import-linter)", passes(environment.BIN / "lint-imports")),
        timed("locks", locks_hold),
        timed("workflows (zizmor)", passes(environment.BIN / "zizmor", *ZIZMOR)),
        *actionlint(passes),
        timed("types (pyright)", passes("pyright", "--pythonpath", python)),
    ]
    print(table(outcomes))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def actionlint(passes: Callable[..., Callable[[], bool]]) -> list[Outcome]:
    """Where it is installed: it is a Go program, and no registry of ours has it."""
    if shutil.which("actionlint") is None:
        say("actionlint is not on PATH: workflows are checked by zizmor and by tests alone")
        return []
    return [timed("workflows (actionlint)", passes("actionlint", "-no-color"))]


def audit(_: Sequence[str]) -> int:
    """Asks the indexes for known weaknesses of exactly what is locked; nothing is installed for it."""
    environment.prepare()
    env = node.prepare_tools()
    python = [
        environment.PYTHON,
        "-m",
        "pip_audit",
        "--strict",
        "--require-hashes",
        "--disable-pip",
        "--no-deps",
    ]
    outcomes = [
        timed(f"audit {path.name}", lambda path=path: run([*python, "-r", path], env=env) == 0)
        for path in sorted((ROOT / "requirements").glob("*.txt"))
    ]
    outcomes += [
        timed(
            f"audit {path.parent.relative_to(ROOT)}",
            lambda path=path: run(["npm", "audit", "--package-lock-only"], env=env, cwd=path.parent) == 0,
        )
        for path in sorted((ROOT / "requirements").glob("*/package-lock.json"))
    ]
    print(table(outcomes))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def locks_hold() -> bool:
    found = list(locks.complaints())
    print("\n".join(found) or "All locks are hashed, agree and name no address")
    return not found


def fmt(_: Sequence[str]) -> int:
    environment.prepare()
    ruff = [environment.PYTHON, "-m", "ruff"]
    return run([*ruff, "check", "--fix"]) or run([*ruff, "format"])


def lock(arguments: Sequence[str]) -> int:
    environment.prepare()
    locks.write(arguments)
    environment.prepare()
    return 0


def show_help(_: Sequence[str]) -> int:
    print("Kopitra: a leader's trades, copied to every follower exactly once.\n")
    for name, target in TARGETS.items():
        print(f"  make {name:<13} {target.summary}")
        for variable, meaning in target.variables.items():
            print(f"       {'':<13}   {variable}  {meaning}")
    print("\nEach sets up what it needs. Without make: python3 scripts/dev.py TARGET [NAME=value …]")
    return 0


TARGETS = {
    "demo": Target(
        "one leader, five followers, a verdict; under two minutes",
        demo,
        {"STATEMENT=file": "a real statement to replay", "CHAOS=1": "kill and restart everything meanwhile"},
    ),
    "test": Target(f"all tests; --only {'|'.join(STAGES)}", test, {}),
    "check": Target("lint, format, types, layers, locks", check, {}),
    "bench": Target("measure under load; writes build/bench.json", bench, {}),
    "simulate": Target(
        "seeded runs under virtual time",
        simulate,
        {
            "SEEDS=n": f"how many ({SIMULATED_SEEDS})",
            "START=n": "the first one (7)",
            "WORKERS=n": "in how many processes (one per core)",
            "CONTINUE=1": "play what is left of the same seeds after an interrupt",
            "PLANTED=1": "hunt for planted defects instead, and write down what catches them",
            "DOCUMENT=1": "write the tables of the last run and hunt into docs/simulation.md",
        },
    ),
    "cost": Target(
        "what each environment costs when quiet; writes build/cost.json", of_the_stack("cost"), {}
    ),
    "bootstrap": Target(
        "where Pulumi keeps state and secrets",
        of_the_stack("bootstrap", "bootstrap"),
        {
            "ENV=name": "dev, staging or prod",
            "DEPLOYER=id": "object id of the service principal that workflows deploy as",
            "PREVIEWER=id": "the same of the one that they preview as",
            "DRY_RUN=1": "show the commands and run none",
        },
    ),
    "operators-app": Target(
        "the application that operators' tokens are for",
        of_the_stack("bootstrap", "operators-app"),
        {
            "ENV=name": "dev, staging or prod",
            "FUNCTIONS=id": "object id of the management side's identity, once there is one",
            "DRY_RUN=1": "show the commands and run none",
        },
    ),
    "token-keys": Target(
        "a new key for session tokens, beside the one in use",
        of_the_stack("bootstrap", "token-keys"),
        {"ENV=name": "dev, staging or prod"},
    ),
    "audit": Target("known weaknesses in what is locked; asks the package indexes", audit, {}),
    "fmt": Target("format and fix what can be fixed", fmt, {}),
    "setup": Target("install everything a developer needs", setup, {}),
    "lock": Target("compile requirements/*.txt anew; --upgrade", lock, {}),
    "help": Target("this list", show_help, {}),
}


def main(arguments: Sequence[str]) -> int:
    """Run one target; the exit code is that of what it ran."""
    name, *rest = arguments or ["help"]
    if name in ("-h", "--help"):
        name = "help"
    if name not in TARGETS:
        print(f"There is no target {name!r}; try: python3 scripts/dev.py help", file=sys.stderr)
        return 2
    try:
        arguments = with_variables(rest)
        return TARGETS[name].work(arguments)
    except Failed as failure:
        print(f"✗ {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def with_variables(arguments: Sequence[str]) -> list[str]:
    """Put each NAME=value into the environment, where make puts its own; returns the other arguments."""
    rest: list[str] = []
    for argument in arguments:
        name, assigned, value = argument.partition("=")
        if assigned and name.isidentifier() and name.isupper():
            os.environ[name] = value
        else:
            rest.append(argument)
    for name in PATHS:
        if value := os.environ.get(name):
            os.environ[name] = os.path.abspath(os.path.expanduser(value))
    return rest
