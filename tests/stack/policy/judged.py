"""Resources as the rules see them, from what was captured."""

import copy
from collections.abc import Mapping
from typing import Any, cast

from stack.policy.judging import UNSEEN, Judged
from tests.stack.environments import Built
from tests.stack.monitor import UNKNOWN, Captured


def judged(resource: Captured) -> Judged:
    return Judged(
        urn=resource.urn,
        kind=resource.kind,
        props=cast("Mapping[str, Any]", _seen(resource.plain())),
        protect=resource.protect,
        scope_of=resource.sources.get("scope", ()),
    )


def all_of(built: Built) -> list[Judged]:
    return [judged(each) for each in built.azure]


def changed(resource: Judged, path: str, value: Any) -> Judged:
    """With another value at the path; `...` takes it away."""
    props: Any = copy.deepcopy(dict(resource.props))
    *steps, last = path.split(".")
    at = props
    for step in steps:
        at = at.setdefault(step, {})
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return Judged(resource.urn, resource.kind, props, resource.protect, resource.scope_of)


def _seen(value: Any) -> Any:
    if value is UNKNOWN:
        return UNSEEN
    if isinstance(value, dict):
        return {key: _seen(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_seen(inner) for inner in cast("list[Any]", value)]
    return value
