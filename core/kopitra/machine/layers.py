"""Which layers of settings concern a subscription, and which subscriptions a layer concerns."""

from collections.abc import Iterator, Mapping

from kopitra.domain.identifiers import AccountId, GroupId
from kopitra.domain.settings import CopySettings, Layer, SettingsScope
from kopitra.machine.state import SettingsLayer, State, Subscription

Replaced = Mapping[str, CopySettings]
"""Layers by key that are to be taken in place of the state's."""
NONE_REPLACED: Replaced = {}


def layer_key(scope: SettingsScope, target: str) -> str:
    return f"{scope}:{target}"


def layers_of(
    state: State, subscription: Subscription, replaced: Replaced = NONE_REPLACED
) -> Iterator[tuple[Layer, CopySettings]]:
    """What is set for it, widest first."""
    for layer, scope, target in (
        (Layer.PLATFORM, SettingsScope.PLATFORM, subscription.tenant),
        (Layer.GROUP, SettingsScope.GROUP, subscription.group),
    ):
        yield from _set_for(state, layer, layer_key(scope, target), replaced)
    yield Layer.SUBSCRIPTION, subscription.settings
    key = layer_key(SettingsScope.FOLLOWER, subscription.follower)
    yield from _set_for(state, Layer.FOLLOWER, key, replaced)


def concerned(state: State, scope: SettingsScope, target: str) -> Iterator[Subscription]:
    """Every subscription that a layer counts for, enabled or not; costs what it gives, but for a whole platform."""
    match scope:
        case SettingsScope.PLATFORM:
            yield from (s for s in state.subscriptions.values() if s.tenant == target)
        case SettingsScope.GROUP:
            yield from (state.subscriptions[s] for s in state.by_group.get(GroupId(target), ()))
        case SettingsScope.FOLLOWER:
            yield from (state.subscriptions[s] for s in state.of_follower.get(AccountId(target), ()))


def _set_for(
    state: State, layer: Layer, key: str, replaced: Replaced
) -> Iterator[tuple[Layer, CopySettings]]:
    if key in replaced:
        yield layer, replaced[key]
        return
    held: SettingsLayer | None = state.layers.get(key)
    if held is not None:
        yield layer, held.settings
