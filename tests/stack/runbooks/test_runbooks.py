"""The runbooks say what exists: commands, targets, routes, tests."""

import ast
import re
from pathlib import Path

import pytest

from kopitra_cli.commands import app
from kopitra_functions.http.endpoint import Endpoint
from kopitra_functions.http.routes.table import RESOURCES
from scripts.tooling.steps import ROOT
from scripts.tooling.targets import TARGETS

FOLDER = ROOT / "docs" / "runbooks"
RUNBOOKS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PAGES = [*RUNBOOKS, FOLDER / "README.md", ROOT / "docs" / "deploying.md"]
SITUATIONS = {"slot-recovery", "queue-draining", "storage-restoration", "sql-restoration", "ea-failover"}
REHEARSAL = re.compile(r"^- `(tests/[\w/]+\.py)::(\w+)`$", re.MULTILINE)
NAME_IN_PATH = r"[^/]+"


def by_name(path: Path) -> str:
    return path.name


def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def endpoints() -> list[Endpoint]:
    return [route.endpoint for routes in RESOURCES for route in routes]


def test_there_is_a_runbook_for_every_situation_and_the_index_knows_it() -> None:
    assert {path.stem for path in RUNBOOKS} == SITUATIONS
    index = (FOLDER / "README.md").read_text()
    assert all(f"({name}.md)" in index for name in SITUATIONS)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=by_name)
def test_a_runbook_names_the_tests_that_rehearse_it(runbook: Path) -> None:
    rehearsals = REHEARSAL.findall(runbook.read_text().split("**Rehearsed by**")[1])
    assert len(rehearsals) >= 3
    for file, name in rehearsals:
        assert name in functions_of(ROOT / file), f"{file}::{name}"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    text = page.read_text()
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    assert set(re.findall(r"\.venv/bin/kopitra ([a-z]+)", text)) <= commands
    assert set(re.findall(r"`make ([a-z-]+)|^ *make ([a-z-]+)", text, re.MULTILINE)) <= {
        pair for name in TARGETS for pair in ((name, ""), ("", name))
    }


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_the_routes_of_a_page_exist(page: Path) -> None:
    asked = re.findall(r"\b(get|post) \"?(/[\w/{}-]+)", page.read_text(), re.IGNORECASE)
    known = {(each.method, re.compile(re.sub(r"\{\w+\}", NAME_IN_PATH, each.path))) for each in endpoints()}
    for method, path in asked:
        if not path.startswith("/trade-agent"):
            assert any(method.upper() == verb and pattern.fullmatch(path) for verb, pattern in known), (
                f"{method} {path}"
            )


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
