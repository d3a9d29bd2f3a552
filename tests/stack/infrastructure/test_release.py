"""Which commit is deployed is for people; which package, for the apps."""

import subprocess
from pathlib import Path

import pytest

from stack.packages.building import Target, inputs_of
from stack.packages.recipes import RECIPES
from stack.release import UNKNOWN, described

AUTHOR = ("-c", "user.name=Kopitra", "-c", "user.email=kopitra@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *AUTHOR, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a file for everything that a package is made from, and a page of documentation."""
    for recipe in RECIPES.values():
        for place in (
            recipe.requirements,
            *recipe.beside,
            *(f"{folder}/code.py" for folder in recipe.packages),
        ):
            path = tmp_path / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("first\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("first\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    git(tmp_path, "tag", "v0.1.0")
    return tmp_path


def builds(root: Path) -> dict[str, str]:
    return {app: inputs_of(recipe, root, Target()) for app, recipe in RECIPES.items()}


def commit(root: Path, place: str) -> None:
    (root / place).write_text("second\n")
    git(root, "commit", "--quiet", "-am", "second")


def test_a_commit_of_documentation_is_another_release_with_the_same_packages(checkout: Path) -> None:
    before = builds(checkout)
    assert described(checkout) == "v0.1.0"

    commit(checkout, "docs/page.md")

    assert described(checkout).startswith("v0.1.0-1-g")
    assert builds(checkout) == before


@pytest.mark.parametrize(
    ("place", "apps"),
    [
        ("apps/counterparty/kopitra_counterparty/code.py", {"counterparty"}),
        ("apps/functions/kopitra_functions/code.py", {"functions"}),
        ("apps/functions/host.json", {"functions"}),
        ("core/kopitra/code.py", {"counterparty", "functions"}),
        ("requirements/functions.txt", {"functions"}),
    ],
)
def test_a_commit_of_code_is_another_package_of_the_apps_that_hold_it(
    checkout: Path, place: str, apps: set[str]
) -> None:
    before = builds(checkout)

    commit(checkout, place)

    after = builds(checkout)
    assert {app for app in after if after[app] != before[app]} == apps


def test_what_is_not_committed_is_said_to_be_so(checkout: Path) -> None:
    (checkout / "docs" / "page.md").write_text("changed\n")

    assert described(checkout) == "v0.1.0-dirty"


def test_an_unpacked_archive_has_no_release(tmp_path: Path) -> None:
    assert described(tmp_path) == UNKNOWN
