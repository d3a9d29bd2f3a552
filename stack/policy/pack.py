"""The rules as Pulumi's policies: `pulumi preview --policy-pack stack/policy`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from stack.policy.judging import AZURE, UNSEEN, Judged, Rule, StackRule
from stack.policy.rules import RULES, STACK_RULES

NAME = "kopitra"
Report = Callable[..., None]


def policies() -> list[Policy]:
    return [*map(_of_rule, RULES), *map(_of_stack_rule, STACK_RULES)]


def _of_rule(rule: Rule) -> Policy:
    def validate(given: ResourceValidationArgs, report: Report) -> None:
        if given.resource_type.startswith(AZURE):
            judged = _judged(given.urn, given.resource_type, given.props, given.opts.protect)
            for breach in rule.breaches(judged):
                report(breach)

    return ResourceValidationPolicy(
        name=rule.name, description=rule.says, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


def _of_stack_rule(rule: StackRule) -> Policy:
    def validate(given: StackValidationArgs, report: Report) -> None:
        resources = [
            _judged(
                each.urn,
                each.resource_type,
                each.props,
                each.opts.protect,
                tuple(needed.urn for needed in each.property_dependencies.get("scope", ())),
            )
            for each in given.resources
            if each.resource_type.startswith(AZURE)
        ]
        for breach in rule.breaches(resources):
            report(breach)

    return StackValidationPolicy(
        name=rule.name, description=rule.says, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


def _judged(
    urn: str, type_: str, props: Mapping[str, Any], protect: bool, scope_of: tuple[str, ...] = ()
) -> Judged:
    return Judged(
        urn=urn, kind=type_.removeprefix(AZURE), props=_seen(props), protect=protect, scope_of=scope_of
    )


def _seen(value: Any) -> Any:
    """A copy with a mark where Pulumi's own raises: one value that is not known yet must not silence a rule."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        return {key: _item(items, key) for key in items}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        listed = cast("Sequence[Any]", value)
        return [_item(listed, index) for index in range(len(listed))]
    return value


def _item(within: Any, key: Any) -> Any:
    try:
        return _seen(within[key])
    except UnknownValueError:
        return UNSEEN
