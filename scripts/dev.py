#!/usr/bin/env python3
"""Every task of development by one command: `python3 scripts/dev.py help`.

Needs the standard library only and prepares what a task lacks. This file alone must run on an old Python: it looks for
a new enough one and continues there.
"""

import glob
import os
import shutil
import subprocess
import sys

OLDEST_PYTHON = (3, 11)
"""The members' `requires-python`."""
NAMES = ("python3.13", "python3.12", "python3.11", "python3", "python")
"""Looked for on PATH and in pyenv, newest tested version first."""


def is_new_enough(python: str) -> bool:
    """Whether it starts and is new enough; a pyenv shim of a version that is not selected does not start."""
    probe = "import sys; sys.exit(sys.version_info[:2] < %r)" % (OLDEST_PYTHON,)  # noqa: UP031
    try:
        return (
            subprocess.call([python, "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        )
    except OSError:
        return False


def newer_python() -> str:
    """The path of a Python that is new enough, or an empty string."""
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for name in NAMES:
        on_path = shutil.which(name)
        for python in [on_path, *sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", name)))]:
            if python and is_new_enough(python):
                return python
    return ""


def continue_on_newer_python() -> None:
    python = newer_python()
    if not python:
        wanted = ".".join(str(part) for part in OLDEST_PYTHON)
        sys.exit(
            f"Kopitra needs Python {wanted} or newer; this is {sys.version.split()[0]}, and no newer one was found "
            f"on PATH or in pyenv. Install one (Debian: apt-get install python{wanted} python{wanted}-venv)."
        )
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


if __name__ == "__main__":
    if sys.version_info[:2] < OLDEST_PYTHON:
        continue_on_newer_python()
    from tooling.targets import main

    sys.exit(main(sys.argv[1:]))
