"""What the pure core must not contain: floats, input and output, libraries that reach the world."""

import ast
from collections.abc import Iterator

PURE_LIBRARIES = frozenset(
    "__future__ abc ast base64 bisect collections contextlib copy dataclasses datetime decimal enum fractions "
    "functools hashlib heapq hmac itertools json math numbers operator re string types typing zlib "
    "kopitra msgspec".split()
)
"""Top-level modules that compute and do nothing else. `zoneinfo` is not one: it reads files that differ by machine."""
CONSTANT_DATA = {"kopitra.domain.time_zones": frozenset({"importlib", "zoneinfo"})}
"""Modules that read the constant data of a locked dependency, and with what (docs/decisions/0130)."""
WORLDLY_BUILTINS = frozenset(
    {"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"}
)
ORDERED_BY_CHANCE = frozenset({"hash", "id"})
"""Differ from process to process, so a decision that used them would not replay."""


def floats(tree: ast.Module) -> Iterator[str]:
    """Float literals and every mention of the type: prices, volumes and money are decimals, durations integers."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() as value):
                yield f"{node.lineno}: float {value}"
            case ast.Name(id="float"):
                yield f"{node.lineno}: float"
            case _:
                pass


def worldly_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                imported = [module]
            case _:
                continue
        yield from (f"{node.lineno}: {name}" for name in imported if name.split(".")[0] not in PURE_LIBRARIES)


def worldly_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in WORLDLY_BUILTINS | ORDERED_BY_CHANCE:
                yield f"{node.lineno}: {name}()"
            case ast.AsyncFunctionDef(name=name):
                yield f"{node.lineno}: async {name}: nothing here waits"
            case _:
                pass
