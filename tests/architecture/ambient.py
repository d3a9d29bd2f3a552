"""Finds where a module takes from the world what should enter by a port: time, chance, threads, the environment."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

AMBIENT_MODULES = frozenset(
    "concurrent.futures ctypes multiprocessing random sched secrets select selectors signal socket subprocess "
    "threading time uuid".split()
)
"""Importing one is enough."""
AMBIENT_NAMES = frozenset(
    {
        "asyncio.sleep",
        "asyncio.to_thread",
        "asyncio.create_subprocess_exec",
        "asyncio.create_subprocess_shell",
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "os.environ",
        "os.getenv",
        "os.urandom",
    }
)
AMBIENT_METHODS = frozenset({"run_in_executor", "set_default_executor"})
"""Called on a loop, wherever that came from."""


@dataclass(frozen=True, order=True)
class Use:
    line: int
    what: str


def ambient_uses(tree: ast.Module) -> list[Use]:
    """Every use in order, under whatever alias it was imported."""
    return sorted(set(_imports(tree)) | set(_names(tree)))


def _imports(tree: ast.Module) -> Iterator[Use]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                imported = [module, *(f"{module}.{alias.name}" for alias in names)]
            case _:
                continue
        for name in imported:
            if _within(name, AMBIENT_MODULES) or name in AMBIENT_NAMES:
                yield Use(node.lineno, name)


def _names(tree: ast.Module) -> Iterator[Use]:
    aliases = _aliases(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr in AMBIENT_METHODS:
            yield Use(node.lineno, node.attr)
        dotted = _dotted(node)
        head, _, rest = dotted.partition(".")
        if (full := f"{aliases.get(head, head)}.{rest}") in AMBIENT_NAMES:
            yield Use(node.lineno, full)


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `from datetime import datetime as dt` → dt: datetime.datetime."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {alias.asname: alias.name for alias in names if alias.asname}
            case ast.ImportFrom(module=str(module), names=names):
                found |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in names}
            case _:
                pass
    return found


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain that starts at a name; empty for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def _within(name: str, wanted: frozenset[str]) -> bool:
    return any(f"{name}.".startswith(f"{module}.") for module in wanted)
