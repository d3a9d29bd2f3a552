"""What the stack would put where: an app's package in an empty directory, its start command, its settings."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.components.counterparty import COMMAND, PYTHON
from stack.packages.building import Package, Target, package_of
from stack.packages.recipes import LIBRARIES, RECIPES
from tests.stack.environments import environment
from tests.stack.monitor import UNKNOWN

ENVIRONMENT = "prod"
"""Whose settings are rehearsed; the others' differ in values only."""


@dataclass(frozen=True)
class Override:
    """A setting that cannot be on a desk what it is in Azure. `value` None: not set at all."""

    value: str | None
    why: str


def given(app: str) -> dict[str, str]:
    """The settings that the stack gives it: `app` or `functions-app`."""
    site: Any = environment(ENVIRONMENT).one("web:WebApp", app).plain()["siteConfig"]
    found = {each["name"]: each["value"] for each in site["appSettings"]}
    assert UNKNOWN not in found.values()
    return found


def start_command() -> str:
    site: Any = environment(ENVIRONMENT).one("web:WebApp", "app").plain()["siteConfig"]
    assert site["linuxFxVersion"] == f"PYTHON|{PYTHON}"
    assert site["appCommandLine"] == COMMAND
    return COMMAND


def with_overrides(settings: Mapping[str, str], overrides: Mapping[str, Override]) -> dict[str, str]:
    """Every override is of a setting that is given."""
    assert overrides.keys() <= settings.keys()
    assert all(override.why for override in overrides.values())
    kept = {name: value for name, value in settings.items() if name not in overrides}
    changed = {name: each.value for name, each in overrides.items() if each.value is not None}
    return {**kept, **changed}


def interpreter() -> tuple[str, Target]:
    """Azure's Python where it is installed, else this one, without anything that is installed for it; and what a
    package is made for, to run on it."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [shutil.which(f"python{PYTHON}"), *map(str, pyenv.glob(f"versions/{PYTHON}.*/bin/python"))]
    for found in filter(None, candidates):
        asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.stdout.strip() == PYTHON:
            return found, Target()
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return str(Path(sys.base_prefix) / "bin" / f"python{running}"), Target(python=running)


def unpacked(app: str, folder: Path, target: Target) -> Package:
    """The package that the stack would upload, in an empty folder."""
    made = package_of(RECIPES[app], target=target)
    assert not folder.exists()
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(folder)
    return made


def search_path(folder: Path, python: str) -> str:
    """PATH with nothing of this checkout: `python` is the one that was chosen."""
    tools = folder.parent / f"{folder.name}-python"
    tools.mkdir()
    (tools / "python").symlink_to(python)
    return f"{tools}{os.pathsep}{os.defpath}"


def environment_of(settings: Mapping[str, str], path: str) -> dict[str, str]:
    """Nothing is inherited: a server has none of our variables."""
    return {**settings, "PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def libraries(folder: Path) -> str:
    return str(folder / LIBRARIES)
