"""Which distribution an imported module belongs to, and which a package declares."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, files, packages_distributions

from tests.architecture.sources import Member, members


def imports(tree: ast.Module) -> Iterator[str]:
    """Every absolute import, dotted; `from a import b` counts as a and as a.b, since b may be a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case _:
                pass


def distribution_of(module: str, installed: Mapping[str, list[str]]) -> str | None:
    """The distribution that provides a module; None for the standard library's.

    A namespace like `azure` belongs to many: the one whose name spells the module's beginning is meant, else the one
    that has installed it.
    """
    top = module.split(".", maxsplit=1)[0]
    if top in sys.stdlib_module_names:
        return None
    own = {package: member.distribution for member in members() for package in member.packages}
    if top in own:
        return own[top]
    candidates = sorted({normalised(name) for name in installed.get(top, [])}, key=len, reverse=True)
    spelled = [name for name in candidates if f"{module}.".startswith(f"{name.replace('-', '.')}.")]
    if not spelled and len(candidates) > 1:
        spelled = [name for name in candidates if _holds(name, module)]
    return (spelled or candidates or [top])[0]


def _holds(distribution: str, module: str) -> bool:
    """`module` may be a name inside the module."""
    wanted = [module.replace(".", "/"), module.rpartition(".")[0].replace(".", "/")]
    found = _files(distribution)
    return any(path in found for one in wanted for path in (f"{one}.py", f"{one}/__init__.py"))


@cache
def _files(distribution: str) -> frozenset[str]:
    try:
        return frozenset(map(str, files(distribution) or ()))
    except PackageNotFoundError:
        return frozenset()


def undeclared(member: Member, tree: ast.Module, installed: Mapping[str, list[str]]) -> Iterator[str]:
    known = declared(member) | {member.distribution}
    for module in imports(tree):
        distribution = distribution_of(module, installed)
        if distribution and distribution not in known:
            yield f"{module} ({distribution})"


def declared(member: Member) -> set[str]:
    """Distributions in the member's dependencies and in its extras."""
    requirements = [*member.required, *(part for extra in member.extras.values() for part in extra)]
    return {normalised(re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]) for requirement in requirements}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_distributions() -> Mapping[str, list[str]]:
    return packages_distributions()
