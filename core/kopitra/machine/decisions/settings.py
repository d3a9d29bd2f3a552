"""Layers of settings: a publication never leaves an enabled subscription without rules that it can use."""

from collections.abc import Iterator

from kopitra.domain.guards import guard_problems, name_problems
from kopitra.domain.identifiers import AccountId, GroupId
from kopitra.domain.rule_checks import Problem
from kopitra.domain.settings import SIZING_MISSING, Effective, Layer, SettingsScope, effective
from kopitra.machine.commands import PublishSettings
from kopitra.machine.decisions.refusals import account_unknown, group_unknown, tenant_crossed
from kopitra.machine.decisions.revisions import APPLIED, overtaken
from kopitra.machine.events import SettingsConfigured
from kopitra.machine.layers import concerned, layer_key, layers_of
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import State, Subscription

MOST_NAMED = 20
"""Problems that one refusal names; who repairs these finds the others the same way."""


def publish_settings(state: State, command: PublishSettings, context: Context) -> Result:
    target = settings_target(command)
    key = layer_key(command.scope, target)
    refused = refuse_target(state, command)
    if refused is not None:
        return refused
    known = state.layers.get(key)
    if known is not None and command.revision <= known.revision:
        return overtaken(f"settings:{key}", command.revision, known.revision)
    refused = refuse_settings(state, command)
    if refused is not None:
        return refused
    event = SettingsConfigured(
        scope=command.scope,
        target=target,
        tenant=command.tenant,
        revision=command.revision,
        settings=command.settings,
        guards=command.guards,
    )
    return Decision((event,), APPLIED)


def settings_target(command: PublishSettings) -> str:
    """A platform is its tenant's part of it."""
    return command.tenant if command.scope is SettingsScope.PLATFORM else command.target


def refuse_target(state: State, command: PublishSettings) -> Refusal | None:
    """The group or follower must be known, and the tenant's own."""
    target = command.target
    match command.scope:
        case SettingsScope.PLATFORM:
            if target in ("", command.tenant):
                return None
            detail = f"Settings of the platform are its tenant's; there is no target {target!r}."
            return Refusal(status=422, code="settings_target_invalid", detail=detail)
        case SettingsScope.GROUP:
            group = state.groups.get(GroupId(target))
            if group is None:
                return group_unknown(GroupId(target))
            return tenant_crossed(f"Group {target}") if group.tenant != command.tenant else None
        case SettingsScope.FOLLOWER:
            account = state.accounts.get(AccountId(target))
            if account is None:
                return account_unknown(AccountId(target))
            return tenant_crossed(f"Account {target}") if account.tenant != command.tenant else None


def refuse_settings(state: State, command: PublishSettings) -> Refusal | None:
    """Guards that make no sense, values that none of the layer's subscriptions could use, or, as long as it concerns
    nobody, values that are wrong by themselves."""
    wrong = [*_guard_problems(command)]
    key = layer_key(command.scope, settings_target(command))
    judged = False
    for subscription in concerned(state, command.scope, settings_target(command)):
        if not subscription.enabled or len(wrong) >= MOST_NAMED:
            continue
        judged = True
        rules = effective(layers_of(state, subscription, {key: command.settings}))
        wrong.extend(_told(subscription, rules))
    if not judged:
        alone = effective([(Layer(command.scope), command.settings)])
        wrong.extend(problem for problem in alone.problems if problem is not SIZING_MISSING)
    if not wrong:
        return None
    first = f"{wrong[0].path} {wrong[0].message}"
    what = f"The settings of {command.scope} {command.target}".rstrip()
    return _invalid(f"{what} cannot be used: {first}.", wrong[:MOST_NAMED])


def refuse_rules(state: State, subscription: Subscription) -> Effective | Refusal:
    """The rules that a subscription would have. One that is not enabled may lack a sizing: it opens nothing."""
    rules = effective(layers_of(state, subscription))
    wrong = [p for p in rules.problems if subscription.enabled or p is not SIZING_MISSING]
    if not wrong:
        return rules
    told = [_with_origin(problem, rules) for problem in wrong]
    detail = f"Subscription {subscription.subscription} would have no valid rules: {told[0].path} {told[0].message}."
    return _invalid(detail, told)


def _guard_problems(command: PublishSettings) -> Iterator[Problem]:
    own = command.scope is SettingsScope.FOLLOWER
    for number, guard in enumerate(command.guards):
        for problem in guard_problems(guard, own=own):
            yield Problem(f"guards[{number}].{problem.path}", problem.message)
    for problem in name_problems(command.guards):
        yield Problem(problem.path, problem.message)


def _told(subscription: Subscription, rules: Effective) -> Iterator[Problem]:
    for problem in rules.problems:
        told = _with_origin(problem, rules)
        yield Problem(told.path, f"{told.message}, for subscription {subscription.subscription}")


def _with_origin(problem: Problem, rules: Effective) -> Problem:
    """Who has to repair it."""
    origin = rules.origin(problem.path)
    if problem is SIZING_MISSING or origin in (Layer.DEFAULT, Layer.SUBSCRIPTION):
        return problem
    return Problem(problem.path, f"{problem.message} (set for the {origin})")


def _invalid(detail: str, wrong: list[Problem]) -> Refusal:
    return Refusal(
        status=422,
        code="rules_invalid",
        detail=detail,
        members={"errors": [{"path": p.path, "message": p.message} for p in wrong]},
    )
