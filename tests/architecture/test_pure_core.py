"""Domain and machine are arithmetic and decisions: no float, no input or output, nothing that differs by machine."""

import ast
from collections.abc import Callable, Iterator

import pytest

from tests.architecture.purity import CONSTANT_DATA, floats, worldly_calls, worldly_imports
from tests.architecture.sources import modules

PURE_PACKAGES = ("kopitra.domain", "kopitra.machine")

Checker = Callable[[ast.Module], Iterator[str]]


@pytest.mark.parametrize("checker", [floats, worldly_imports, worldly_calls])
@pytest.mark.parametrize("package", PURE_PACKAGES)
def test_the_pure_core_stays_pure(package: str, checker: Checker):
    inside = [module for module in modules() if module.is_in(package)]
    assert inside
    assert not [
        f"{module.path}:{found}"
        for module in inside
        for found in checker(module.tree)
        if found.split(": ")[-1].split(".")[0] not in CONSTANT_DATA.get(module.name, ())
    ]


@pytest.mark.parametrize(
    ("checker", "source"),
    [
        (floats, "half = 0.5"),
        (floats, "def f(x): return float(x)"),
        (floats, "def f(x: float): ..."),
        (floats, "ratio: 'int' = 1e-3"),
        (worldly_imports, "import os"),
        (worldly_imports, "from pathlib import Path"),
        (worldly_imports, "import urllib.request"),
        (worldly_imports, "from structlog import get_logger"),
        (worldly_imports, "def late():\n    import sqlite3"),
        (worldly_calls, "open('journal')"),
        (worldly_calls, "print(1)"),
        (worldly_calls, "eval('1')"),
        (worldly_calls, "order = hash('EURUSD')"),
        (worldly_calls, "async def decide(): ..."),
    ],
)
def test_an_impurity_is_found(checker: Checker, source: str):
    assert list(checker(ast.parse(source)))


@pytest.mark.parametrize("checker", [floats, worldly_imports, worldly_calls])
def test_exact_arithmetic_passes(checker: Checker):
    source = "from decimal import Decimal\nimport msgspec\nfrom kopitra.domain import orders\nhalf = Decimal('0.5')"
    assert not list(checker(ast.parse(source)))
