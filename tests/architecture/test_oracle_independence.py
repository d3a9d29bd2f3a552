"""The oracle shares no code with what it judges."""

import ast

from scripts.tooling.steps import ROOT

ORACLE = ROOT / "apps" / "cli" / "kopitra_cli" / "oracle"
ALLOWED = {"collections", "decimal", "fractions", "itertools", "typing"}


def imported(source: str) -> set[str]:
    """First names of every absolute import; relative ones stay inside the oracle."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.partition(".")[0])
            case ast.ImportFrom(level=level) if level > 1:
                found.add("." * level)
            case _:
                pass
    return found


def test_the_oracle_imports_a_few_parts_of_the_standard_library_and_nothing_else():
    files = list(ORACLE.glob("*.py"))
    assert files
    assert {name for file in files for name in imported(file.read_text())} <= ALLOWED


def test_an_import_of_the_product_is_found_in_any_form():
    assert imported("import kopitra.domain") == {"kopitra"}
    assert imported("def f():\n    from kopitra_cli.demo import x") == {"kopitra_cli"}
    assert imported("from ..demo import x") == {".."}
    assert imported("from .sizing import x") == set()
