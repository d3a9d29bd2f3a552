"""Nothing is left out: every package is linted and typed, every folder of tests belongs to a stage."""

import tomllib
from pathlib import Path

from scripts.tooling import environment
from scripts.tooling.environment import MEMBERS
from scripts.tooling.locks import OWN
from scripts.tooling.stages import NOT_STAGES, stage_of
from scripts.tooling.steps import ROOT
from tests.architecture.sources import members

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_OURS = {".venv", "build", "node_modules", "dist"}


def inside(path: Path) -> bool:
    return not NOT_OURS & set(path.relative_to(ROOT).parts)


def test_every_pyproject_is_a_member():
    found = {path.parent for path in ROOT.rglob("pyproject.toml") if inside(path)}
    assert found == {ROOT / member for member in MEMBERS}


def test_one_oldest_python_everywhere():
    oldest = ".".join(map(str, environment.OLDEST_PYTHON))
    requires = {
        tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]["requires-python"]
        for member in MEMBERS
    }
    assert requires == {f">={oldest}"}
    assert SETTINGS["tool"]["pyright"]["pythonVersion"] == oldest
    assert f"OLDEST_PYTHON = {environment.OLDEST_PYTHON!r}\n" in (ROOT / "scripts" / "dev.py").read_text()


def test_every_package_has_a_place_in_the_layers():
    packages = {package for member in members() for package in member.packages}
    linter = SETTINGS["tool"]["importlinter"]
    between = next(each for each in linter["contracts"] if each["name"].startswith("Between packages"))
    layered = {package.strip() for layer in between["layers"] for package in layer.split("|")}
    assert set(linter["root_packages"]) == packages == layered


def test_every_package_is_type_checked_strictly():
    pyright = SETTINGS["tool"]["pyright"]
    assert pyright["typeCheckingMode"] == "strict"
    folders = {path for member in members() for path in member.packages if member.folder == ROOT}
    folders |= {member.split("/")[0] for member in MEMBERS if member != "."}
    assert folders <= set(pyright["include"])


def test_own_packages_are_never_looked_for_on_an_index():
    assert {member.distribution for member in members()} == set(OWN)


def test_every_folder_of_tests_belongs_to_a_stage():
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    assert not {folder for folder in folders if stage_of(folder) is None} - set(NOT_STAGES)
