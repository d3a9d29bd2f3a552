"""The requirement files and npm locks: written by `lock`, and checked without a network by `check`."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import environment
from .steps import ROOT, must, say

FOLDER = ROOT / "requirements"
SOURCES = "# Made by `python3 scripts/dev.py lock` from "
"""The first line of a requirement file: this, the pyprojects, and the digest of what they asked for."""
OWN = (
    "kopitra",
    "kopitra-agent",
    "kopitra-cli",
    "kopitra-counterparty",
    "kopitra-functions",
    "kopitra-stack",
    "kopitra-terminal",
)
"""Distributions of this repository: installed from their folders, never looked for on an index."""

FILES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "dev": (environment.MEMBERS, ("dev",)),
    "node": ((), ("node",)),
    "amqp": ((), ("amqp",)),
    "counterparty": (("core", "apps/counterparty"), ()),
    "functions": (("core", "apps/functions"), ()),
    "functions-runtime": ((), ("functions-runtime",)),
    "stack": ((".",), ()),
}
"""Requirement file → its members, and its dependency groups in the root's pyproject. `dev` decides every version."""

PINNED = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+?))? \\$")
HASH = re.compile(r"^ {4}--hash=sha256:[0-9a-f]{64}(?: \\)?$")


def write(options: Iterable[str] = ()) -> None:
    """Compile every requirement file anew; versions that still fit stay, unless `options` say `--upgrade`."""
    for name in FILES:
        say(f"Locking requirements/{name}.txt")
        must([*_compiler(name), *options], f"requirements/{name}.txt could not be compiled")
        path = FOLDER / f"{name}.txt"
        path.write_text(f"{SOURCES}{described(name)}\n{path.read_text()}")


def _compiler(name: str) -> list[str | Path]:
    members, groups = FILES[name]
    oldest = ".".join(map(str, environment.OLDEST_PYTHON))
    command: list[str | Path] = [
        environment.PYTHON,
        "-m",
        "uv",
        "--system-certs",
        "pip",
        "compile",
        "--quiet",
    ]
    command += [
        "--universal",
        "--python-version",
        oldest,
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
    ]
    command += ["--annotation-style", "line", "--output-file", FOLDER / f"{name}.txt"]
    command += [part for own in OWN for part in ("--no-emit-package", own)]
    command += [part for group in groups for part in ("--group", group)]
    command += [f"{member}/pyproject.toml" for member in members]
    if "core" in members:
        command += ["--extra", "azure", "--extra", "operators"]
    if name != "dev":
        command += ["--constraints", FOLDER / "dev.txt"]
    return command


def described(name: str) -> str:
    """What a requirement file was made from: the pyprojects by name, and a digest of the dependencies they declare."""
    members, groups = FILES[name]
    asked = [json.dumps(_declared(ROOT / member / "pyproject.toml")) for member in members]
    asked += [json.dumps(_group(group)) for group in groups]
    folders = [*members, *(f"the root's group {group}" for group in groups)]
    return f"{', '.join(folders)} ({environment.digest([], *asked)[:16]})"


def _declared(pyproject: Path) -> object:
    project = tomllib.loads(pyproject.read_text())["project"]
    return [sorted(project["dependencies"]), project.get("optional-dependencies", {})]


def _group(name: str) -> object:
    return sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"][name])


def complaints() -> Iterator[str]:
    """Everything wrong with the locks of this checkout, a sentence each."""
    pins: dict[str, dict[str, set[str]]] = {}
    for name in FILES:
        text = (FOLDER / f"{name}.txt").read_text()
        if not text.startswith(f"{SOURCES}{described(name)}\n"):
            yield f"requirements/{name}.txt is older than the pyprojects; run: python3 scripts/dev.py lock"
        yield from unhashed(f"requirements/{name}.txt", text)
        pins[name] = versions(text)
    for name in sorted(FILES.keys() - {"dev"}):
        yield from disagreements(f"requirements/{name}.txt", pins[name], pins["dev"])
    for lock in sorted(ROOT.rglob("package-lock.json")):
        if not {"node_modules", ".venv", "build"} & set(lock.relative_to(ROOT).parts):
            yield from npm_complaints(str(lock.relative_to(ROOT)), lock.read_text())


def unhashed(name: str, text: str) -> Iterator[str]:
    """Requirement lines without a hash, and anything that says where to download from."""
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if HASH.match(line):
            continue
        if not PINNED.match(line):
            yield f"{name}: neither a pinned requirement nor its hash: {line.strip()}"
        elif not HASH.match(following):
            yield f"{name}: no hash follows {line.strip()}"


def versions(text: str) -> dict[str, set[str]]:
    """Each distribution's pinned versions (several, where markers tell platforms apart)."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if pin := PINNED.match(line):
            found.setdefault(pin["name"], set()).add(pin["version"])
    return found


def disagreements(name: str, pins: dict[str, set[str]], deciding: dict[str, set[str]]) -> Iterator[str]:
    for distribution, found in sorted(pins.items()):
        decided = deciding.get(distribution, found)
        if not found <= decided:
            yield f"{name}: {distribution} is {', '.join(sorted(found))}, but {', '.join(sorted(decided))} in dev.txt"


def npm_complaints(name: str, text: str) -> Iterator[str]:
    """Packages with an address of download, or without a hash to compare the download with."""
    for path, package in json.loads(text)["packages"].items():
        if "resolved" in package:
            yield f"{name}: {path} says where it was downloaded from (resolved)"
        if path and not package.get("link") and "integrity" not in package:
            yield f"{name}: {path} has no integrity hash"
