"""A package is what it is made from: the same inputs give the same build, and only they change it."""

import zipfile
from pathlib import Path

import pytest

from stack.packages.building import BUILD_FILE, ROOT, PackageFailed, Target, inputs_of, package_of
from stack.packages.recipes import RECIPES, Recipe

TINY = Recipe(
    app="tiny", requirements="requirements.txt", packages=("core/kopitra",), beside=("apps/host.json",)
)


def checkout(folder: Path) -> Path:
    """A repository with one package of ours and no requirement."""
    (folder / "core/kopitra").mkdir(parents=True)
    (folder / "apps").mkdir()
    (folder / "docs").mkdir()
    (folder / "core/kopitra/__init__.py").write_text("VALUE = 1\n")
    (folder / "apps/host.json").write_text("{}")
    (folder / "docs/page.md").write_text("# Page\n")
    (folder / "requirements.txt").write_text("")
    return folder


def test_the_same_inputs_give_the_same_bytes_anywhere(tmp_path: Path) -> None:
    first = package_of(TINY, root=checkout(tmp_path / "one"))
    second = package_of(TINY, root=checkout(tmp_path / "two"))

    assert first.build == second.build
    assert first.path.read_bytes() == second.path.read_bytes()


def test_a_package_says_its_own_build_and_is_readable_by_everybody(tmp_path: Path) -> None:
    made = package_of(TINY, root=checkout(tmp_path))

    with zipfile.ZipFile(made.path) as archive:
        assert archive.read(BUILD_FILE).decode() == made.build
        assert "host.json" in archive.namelist()
        assert {(entry.create_system, entry.external_attr >> 16) for entry in archive.infolist()} == {
            (3, 0o644)
        }


def test_documentation_changes_no_package(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    before = package_of(TINY, root=root)
    (root / "docs/page.md").write_text("# Another page\n")

    assert package_of(TINY, root=root) == before


@pytest.mark.parametrize("changed", ["core/kopitra/__init__.py", "apps/host.json"])
def test_a_source_changes_the_build(changed: str, tmp_path: Path) -> None:
    root = checkout(tmp_path)
    before = package_of(TINY, root=root)
    (root / changed).write_text("2")

    assert package_of(TINY, root=root).build != before.build


def test_another_python_is_another_package(tmp_path: Path) -> None:
    root = checkout(tmp_path)

    assert inputs_of(TINY, root, Target(python="3.12")) != inputs_of(TINY, root, Target())


def test_what_was_made_from_the_same_inputs_is_not_made_again(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    made = package_of(TINY, root=root)
    was = made.path.stat().st_mtime_ns

    assert package_of(TINY, root=root).path.stat().st_mtime_ns == was


def test_a_requirement_without_a_hash_is_refused(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    (root / "requirements.txt").write_text("msgspec\n")

    with pytest.raises(PackageFailed, match=r"requirements\.txt could not be vendored"):
        package_of(TINY, root=root)
    assert not list((root / "build" / "packages").glob("*.zip"))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.app)
def test_a_package_is_made_from_nothing_but_code_and_its_requirements(recipe: Recipe) -> None:
    inputs = [recipe.requirements, *recipe.packages, *recipe.beside]

    assert all((ROOT / each).exists() for each in inputs)
    assert not [each for each in inputs if each.startswith(("docs", "tests", "stack"))]
