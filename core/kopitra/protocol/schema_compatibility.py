"""Whether one JSON Schema may take another's place without a new version: what is wrong with it, in words.

Nobody's message may become invalid: nothing is removed, narrowed or newly demanded. Of what is told to others
(`told`), nothing that readers count on may go either: what was always there stays, of the types that it had. More
members, and more words of an enumeration, are no change for anybody.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
KINDS = {"str": "string", "bool": "boolean", "int": "integer", "NoneType": "null"}
FIXED = ("pattern", "format", "contentEncoding")


def incompatibilities(old: Schema, new: Schema, *, told: bool) -> list[str]:
    """Empty where the version is higher, or nothing is wrong."""
    if new.get("version", 1) > old.get("version", 1):
        return []
    return list(_Comparison(old, new, told=told).of(old, new, "message"))


class _Comparison:
    def __init__(self, old: Schema, new: Schema, *, told: bool) -> None:
        self._old = old.get("$defs", {})
        self._new = new.get("$defs", {})
        self._told = told
        self._seen: set[tuple[str, str]] = set()
        """Pairs of definitions that are being compared, or were: a schema may contain itself."""

    def of(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and "$ref" in new:
            if pair in self._seen:
                return
            self._seen.add(pair)
        befores, afters = _alternatives(old, self._old), _alternatives(new, self._new)
        for before in befores:
            yield from self._accepted(before, afters, place)
        if self._told:
            yield from self._known(befores, afters, place)

    def _accepted(self, before: Schema, afters: list[Schema], place: str) -> Iterator[str]:
        """What is wrong with the best of the alternatives that are there now."""
        if any(not _says_something(after) for after in afters):
            return
        alike = [after for after in afters if _kind(after) == _kind(before)]
        alike = [after for after in alike if after.get("title") == before.get("title")] or alike
        if not alike:
            yield f"{place} may be no {_word(before)} any more"
            return
        yield from min((list(self._narrowed(before, after, place)) for after in alike), key=len)

    def _known(self, befores: list[Schema], afters: list[Schema], place: str) -> Iterator[str]:
        if any(not _says_something(before) for before in befores):
            return
        kinds = {_kind(before) for before in befores}
        for after in afters:
            if _kind(after) not in kinds:
                yield f"{place} may now be a {_word(after)}, which nobody expects"

    def _narrowed(self, before: Schema, after: Schema, place: str) -> Iterator[str]:
        gone = _words(before) - _words(after) if _words(after) else set[str]()
        if gone:
            yield f"{place} may not be {', '.join(sorted(gone))} any more"
        if _words(after) and not _words(before):
            yield f"{place} may only be one of some words now"
        for name in LOWER:
            if after.get(name, float("-inf")) > before.get(name, float("-inf")):
                yield f"{place}: {name} is higher"
        for name in UPPER:
            if after.get(name, float("inf")) < before.get(name, float("inf")):
                yield f"{place}: {name} is lower"
        for name in FIXED:
            if name in after and after[name] != before.get(name):
                yield f"{place}: {name} is another"
        if _kind(before) == "object":
            yield from self._objects(before, after, place)
        if _kind(before) == "array":
            yield from self._arrays(before, after, place)

    def _objects(self, before: Schema, after: Schema, place: str) -> Iterator[str]:
        olds, news = before.get("properties", {}), after.get("properties", {})
        for name in sorted(olds.keys() - news.keys()):
            yield f"{place}.{name} was removed"
        for name in sorted(set(after.get("required", ())) - set(before.get("required", ()))):
            yield f"{place}.{name} is required now"
        if self._told:
            for name in sorted(set(before.get("required", ())) - set(after.get("required", ()))):
                if name in news:
                    yield f"{place}.{name} may be missing now"
        for name in sorted(olds.keys() & news.keys()):
            yield from self.of(olds[name], news[name], f"{place}.{name}")
        others, now = before.get("additionalProperties", True), after.get("additionalProperties", True)
        if others is not False and now is False:
            yield f"{place} may have no other members any more"
        if isinstance(others, dict) and isinstance(now, dict):
            yield from self.of(others, now, f"{place}.*")  # pyright: ignore[reportUnknownArgumentType]

    def _arrays(self, before: Schema, after: Schema, place: str) -> Iterator[str]:
        olds, news = before.get("items"), after.get("items")
        if isinstance(olds, dict) and isinstance(news, dict):
            yield from self.of(olds, news, f"{place}[]")  # pyright: ignore[reportUnknownArgumentType]
        olds, news = before.get("prefixItems", []), after.get("prefixItems", [])
        if len(olds) != len(news):
            yield f"{place} has {len(news)} places instead of {len(olds)}"
            return
        for number, (old, new) in enumerate(zip(olds, news, strict=True)):
            yield from self.of(old, new, f"{place}[{number}]")


def _alternatives(schema: Schema, definitions: Schema) -> list[Schema]:
    if "$ref" in schema:
        return _alternatives(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return [one for part in several for one in _alternatives(part, definitions)]
    types = schema.get("type")
    if isinstance(types, list):
        return [schema | {"type": one} for one in types]  # pyright: ignore[reportUnknownVariableType]
    return [schema]


def _says_something(schema: Schema) -> bool:
    return any(name in schema for name in ("type", "const", "enum", "properties"))


def _kind(schema: Schema) -> str:
    if "type" in schema:
        return str(schema["type"])
    values: list[Any] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return KINDS.get(type(values[0]).__name__, "number")
    return "object" if "properties" in schema else "anything"


def _words(schema: Schema) -> set[str]:
    values: list[Any] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return {str(value) for value in values}


def _word(schema: Schema) -> str:
    return str(schema.get("title") or _kind(schema))
