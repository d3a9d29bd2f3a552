"""What Azure's own client libraries know of a request's body: fields with their names on the wire, types, enums, which
are required and which are Azure's to say.

Their models come in two generations, told apart by `_attribute_map`; both end up as the same `Field`s.
"""

import re
import sys
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast

Model = type[Any]


@dataclass(frozen=True, eq=False)
class Field:
    """`aliases`: the name on the wire and the one clients use. `flattened`: it lies within `properties`. `limits`:
    as the model words them: `max_length`, `pattern`, `minimum`…"""

    aliases: frozenset[str]
    hint: Any
    required: bool
    read_only: bool
    flattened: bool
    limits: Mapping[str, Any]


def model(path: str) -> Model:
    """`azure.mgmt.sql.models:Server`."""
    module, name = path.split(":")
    return cast("Model", getattr(import_module(module), name))


@cache
def fields_of(made: Model) -> tuple[Field, ...]:
    """Its own fields and, where it has `properties`, those too: Pulumi shows them on one level."""
    if hasattr(made, "_attribute_map"):
        return tuple(_of_attribute_map(made))
    own = tuple(_of_rest_fields(made))
    within = [each for each in own if "properties" in each.aliases]
    return own + tuple(
        Field(each.aliases, each.hint, each.required, each.read_only, True, each.limits)
        for properties in within
        if _is_model(inner := without_none(properties.hint))
        for each in fields_of(inner)
    )


def variant_of(made: Model, value: Mapping[str, Any]) -> Model:
    """The model that the value's discriminator chooses, else the one given."""
    if hasattr(made, "_attribute_map"):
        for key, variants in getattr(made, "_subtype_map", {}).items():
            chosen = value.get(camel(key))
            if chosen in variants:
                return cast("Model", getattr(sys.modules[made.__module__], variants[chosen]))
        return made
    variants = cast("dict[str, Model]", getattr(made, "__mapping__", {}))
    tells = [rest._rest_name_input or name for name, rest in _rest_fields(made) if rest._is_discriminator]
    return next((variants[value[key]] for key in tells if value.get(key) in variants), made)


def without_none(hint: Any) -> Any:
    """`Optional[X]` → X."""
    if typing.get_origin(hint) is not typing.Union:
        return hint
    rest = tuple(each for each in typing.get_args(hint) if each is not type(None))
    return rest[0] if len(rest) == 1 else typing.Union[rest]  # noqa: UP007 — made from a tuple


def camel(name: str) -> str:
    """`resource_group_name` → `resourceGroupName`; dots on the wire end words too."""
    first, *rest = re.split(r"[_.]", name.strip("_"))
    return first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in rest)


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and (hasattr(hint, "_attribute_map") or hasattr(hint, "_is_model"))


is_model = _is_model


def _of_attribute_map(made: Model) -> Iterator[Field]:
    hints = _hints(made.__init__, made)
    for attribute, described in cast("dict[str, dict[str, str]]", made._attribute_map).items():
        rules = cast("dict[str, Any]", made._validation.get(attribute, {}))
        wire = described["key"].replace("\\.", "_")
        yield Field(
            aliases=frozenset({wire.rsplit(".", 1)[-1], camel(wire.rsplit(".", 1)[-1]), camel(attribute)}),
            hint=hints.get(attribute, Any),
            required=bool(rules.get("required")),
            read_only=bool(rules.get("readonly")),
            flattened="." in wire,
            limits={
                name: rule for name, rule in rules.items() if name not in ("required", "readonly", "constant")
            },
        )


def _of_rest_fields(made: Model) -> Iterator[Field]:
    hints = {owner: _hints(owner, owner) for owner in made.__mro__ if "__annotations__" in vars(owner)}
    for attribute, rest in _rest_fields(made):
        hint = next(known[attribute] for known in hints.values() if attribute in known)
        wire: str = rest._rest_name_input or attribute
        yield Field(
            aliases=frozenset({wire, camel(wire), camel(attribute)}),
            hint=hint,
            required=type(None) not in typing.get_args(hint) and not rest._is_discriminator,
            read_only=rest._visibility == ["read"],
            flattened=False,
            limits={},
        )


def _rest_fields(made: Model) -> list[tuple[str, Any]]:
    """By attribute, a subclass's own before what it inherits."""
    found: dict[str, Any] = {}
    for owner in made.__mro__:
        for attribute, rest in vars(owner).items():
            if type(rest).__name__ == "_RestField":
                found.setdefault(attribute, rest)
    return list(found.items())


def _hints(of: Any, made: Model) -> dict[str, Any]:
    """Annotations name other models as `_models.X`, which only a type checker imports."""
    module = sys.modules[made.__module__]
    names = {"_models": import_module(made.__module__.rsplit(".", 1)[0]), **vars(module)}
    return typing.get_type_hints(of, globalns=names, localns=names)
