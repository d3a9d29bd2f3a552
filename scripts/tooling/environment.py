"""The Python environment in `.venv`: made once, brought up to date when a requirement or a member changed."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .steps import ROOT, Failed, must, run, say

MEMBERS = ("core", "apps/counterparty", "apps/functions", "apps/cli", "ea/agent", "ea/terminal", ".")
"""Folders with a pyproject of their own, in order of dependency."""
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
STAMP = VENV / "kopitra-python.stamp"
OLDEST_PYTHON = (3, 11)
"""The members' `requires-python`; `scripts/dev.py` says the same."""


def digest(paths: Iterable[Path], *more: str) -> str:
    """One hash of all contents; it changes when any of them does."""
    total = hashlib.sha256("\x1f".join(more).encode())
    for path in paths:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def variables(*more: Path) -> dict[str, str]:
    """The environment of a command inside `.venv`; the folders of `more` come on PATH after its own."""
    folders = [str(BIN), *map(str, more), os.environ.get("PATH", os.defpath)]
    return {**os.environ, "VIRTUAL_ENV": str(VENV), "PATH": os.pathsep.join(folders)}


def prepare() -> None:
    """Make `.venv` hold exactly what the requirements and the members ask for; without changes this only reads."""
    if not _works():
        _create()
    wanted = digest([REQUIREMENTS, *(ROOT / member / "pyproject.toml" for member in MEMBERS)], str(VENV))
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    say(f"Installing Python packages into {VENV.name} (only when they changed)")
    installer = _installer()
    must([*installer, "--require-hashes", "-r", REQUIREMENTS], "The required packages could not be installed")
    editable = [part for member in MEMBERS for part in ("-e", str(ROOT / member))]
    must(
        [*installer, "--no-deps", "--no-build-isolation", *editable],
        "Kopitra's own packages could not be installed",
    )
    STAMP.write_text(wanted)


def install(requirements: Path, debian_packages: str = "") -> None:
    """`debian_packages`: what may be missing where this fails, as Debian calls it."""
    hint = f"; on Debian {debian_packages} may be missing" if debian_packages else ""
    must(
        [*_installer(), "--require-hashes", "-r", requirements],
        f"{requirements.name} could not be installed{hint}",
    )


def _works() -> bool:
    return _answers("-c", f"import sys; sys.exit(sys.version_info[:2] < {OLDEST_PYTHON!r})")


def _answers(*arguments: str) -> bool:
    """Whether the environment's Python runs this without an error."""
    try:
        return subprocess.run([PYTHON, *arguments], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _create() -> None:
    say(f"Creating {VENV.name} with Python {sys.version.split()[0]}")
    must(
        [sys.executable, "-m", "venv", "--clear", VENV],
        "The virtual environment could not be made; on Debian the package python3-venv may be missing",
    )


def _installer() -> list[str | Path]:
    """`uv pip install` where it can be had (it is ten times as fast), else `pip install`."""
    if not _answers("-m", "pip", "--version"):
        must(
            [PYTHON, "-m", "ensurepip"], "pip is missing from .venv and could not be put there; delete .venv"
        )
    pip = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.txt"
        only_uv.write_text(pinned(REQUIREMENTS.read_text(), "uv"))
        if run([*pip, "--quiet", "--require-hashes", "-r", only_uv]) == 0 and _answers(
            "-m", "uv", "--version"
        ):
            # Certificates as the system has them: an office's own authority then works as it does for pip.
            return [PYTHON, "-m", "uv", "--system-certs", "pip", "install", "--python", PYTHON]
    say("uv cannot be had on this machine; pip does the same, more slowly")
    return pip


def pinned(requirements: str, name: str) -> str:
    """The lines of one distribution with its hashes, out of a requirement file's text."""
    found = re.search(rf"^{re.escape(name)}==.*(?:\n[ ]+.*)*", requirements, re.MULTILINE)
    if found is None:
        raise Failed(f"{name} is not in {REQUIREMENTS.name}; run: python3 scripts/dev.py lock")
    return found[0] + "\n"
