"""A YAML file as plain values that remember their lines.

Stricter than YAML where its ease costs money: decimals stay exact, a key given twice is refused, and so are aliases and
keys that YAML takes for something else than text (`no`, `12`).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import msgspec
import yaml

from kopitra_cli.configuration.problems import ROOT, ConfigurationInvalid, FileProblem

TAG = "tag:yaml.org,2002:"
PLAIN = {"true": True, "false": False}
"""Other words that YAML 1.1 takes for a truth value (yes, on …) stay text, which a typed field then refuses."""
DEEPEST = 32
"""As on the wire."""


class Source(msgspec.Struct, frozen=True):
    """`value` is made of dicts, lists, text, int, Decimal, bool and None; `lines` are by path."""

    file: str
    value: Any
    lines: dict[str, int]

    def line_of(self, path: str) -> int:
        """The line of the place, or of the nearest thing around it that the file has."""
        while path and path not in self.lines:
            path = _around(path)
        return self.lines.get(path, 1)

    def problem(self, path: str, message: str) -> FileProblem:
        return FileProblem(self.line_of(path), path, message)


def read_yaml(text: str, file: str) -> Source:
    """Raises ConfigurationInvalid."""
    try:
        root = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    except yaml.YAMLError as error:
        raise ConfigurationInvalid(file, [_syntax_problem(error)]) from error
    reading = _Reading()
    value = reading.value_of(root, ROOT, 0) if root is not None else None
    if reading.problems:
        raise ConfigurationInvalid(file, reading.problems)
    return Source(file, value, reading.lines)


def inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


class _Reading:
    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.problems: list[FileProblem] = []
        self._seen: set[int] = set()

    def value_of(self, node: yaml.Node, path: str, depth: int) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if depth > DEEPEST:
            return self._refuse(line, path, f"nested more than {DEEPEST} levels deep")
        match node:
            case yaml.MappingNode() | yaml.SequenceNode():
                if id(node) in self._seen:
                    return self._refuse(line, path, "aliases are not supported: write it out")
                self._seen.add(id(node))
                if isinstance(node, yaml.MappingNode):
                    return dict(self._members(node, path, depth))
                return [self.value_of(each, f"{path}[{at}]", depth + 1) for at, each in enumerate(node.value)]
            case yaml.ScalarNode():
                return self._scalar(node, path, line)
            case _:
                raise AssertionError(f"{node} is no YAML node")

    def _members(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[tuple[str, Any]]:
        names: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != TAG + "str":
                self._refuse(
                    line, path, f"{getattr(key, 'value', 'this key')!r} is not text: put it in quotes"
                )
                continue
            if key.value in names:
                self._refuse(line, inside(path, key.value), "given twice")
            names.add(key.value)
            self.lines[inside(path, key.value)] = line
            yield key.value, self.value_of(value, inside(path, key.value), depth + 1)

    def _scalar(self, node: yaml.ScalarNode, path: str, line: int) -> Any:
        text = node.value
        match node.tag.removeprefix(TAG):
            case "null":
                return None
            case "bool":
                return PLAIN.get(text.lower(), text)
            case "int" if text.lstrip("+-").isdecimal():
                return int(text)
            case "float":
                try:
                    return Decimal(text)
                except ArithmeticError:
                    return self._refuse(line, path, f"{text} is not a decimal number")
            case tag if node.tag.startswith("!"):
                return self._refuse(line, path, f"the tag {tag} means nothing here")
            case _:
                return text

    def _refuse(self, line: int, path: str, message: str) -> None:
        self.problems.append(FileProblem(line, path, message))


def _syntax_problem(error: yaml.YAMLError) -> FileProblem:
    mark = getattr(error, "problem_mark", None)
    told = getattr(error, "problem", None) or str(error)
    return FileProblem(mark.line + 1 if mark is not None else 1, ROOT, f"not YAML: {told}")


def _around(path: str) -> str:
    """ "a.b[0]" → "a.b" → "a" → "" """
    cut = max(path.rfind("."), path.rfind("["))
    return path[:cut] if cut > 0 else ROOT
