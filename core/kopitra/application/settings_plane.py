"""What operators ask about settings: what is in force for whom and why, and what a change would have changed."""

from collections.abc import Iterator
from typing import Any

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.management import Asking
from kopitra.application.ports.timing import Sleeper
from kopitra.application.preview import Change, Preview
from kopitra.application.recent_opens import RecentOpens
from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId, TenantId
from kopitra.domain.net_limits import notes_on_netting
from kopitra.domain.settings import SYMBOLS, Effective, Layer, SettingsScope, effective
from kopitra.machine.commands import PublishSettings
from kopitra.machine.decisions.netting import is_netting
from kopitra.machine.decisions.settings import refuse_rules, refuse_settings, settings_target
from kopitra.machine.layers import concerned, layer_key, layers_of
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import Account, Group, SettingsLayer, State, Subscription
from kopitra.protocol.management_settings import (
    EffectiveSettings,
    LayerProposal,
    PreviewAnswer,
    RulesProposal,
    SettingInForce,
)
from kopitra.protocol.messages import FieldError

SUBSCRIPTION_UNKNOWN = Refusal(
    status=404, code="subscription_unknown", detail="There is no such subscription."
)
TENANT_MISSING = Refusal(
    status=422, code="tenant_missing", detail="Whose platform? An operator of all tenants has to name one."
)
TARGET_UNKNOWN = Refusal(
    status=404, code="settings_target_unknown", detail="There is no such platform, group or follower."
)


class SettingsPlane:
    """Nothing here changes anything."""

    def __init__(self, *, engine: Engine, recent: RecentOpens, sleeper: Sleeper) -> None:
        self._engine = engine
        self._recent = recent
        self._sleeper = sleeper

    def effective(self, asking: Asking, subscription: SubscriptionId) -> EffectiveSettings | Refusal:
        found = self._subscription(asking, subscription)
        if found is None:
            return SUBSCRIPTION_UNKNOWN
        rules = effective(layers_of(self._engine.state, found))
        follower = self._engine.state.accounts.get(found.follower)
        nets = follower is not None and is_netting(follower)
        return EffectiveSettings(
            subscription=found.subscription,
            group=found.group,
            follower=found.follower,
            enabled=found.enabled,
            revision=found.revision,
            rules_version=found.rules_version,
            settings=dict(_in_force(rules)),
            symbol_origins={
                path.removeprefix(f"{SYMBOLS}."): layer
                for path, layer in rules.origins.items()
                if path.startswith(f"{SYMBOLS}.")
            },
            problems=[FieldError(path=p.path, message=p.message) for p in rules.problems],
            notes=tuple(notes_on_netting(rules.rules)) if nets else (),
        )

    async def preview_rules(
        self, asking: Asking, subscription: SubscriptionId, proposal: RulesProposal
    ) -> PreviewAnswer | Refusal:
        """As if the subscription were published with these rules."""
        state, known = self._engine.state, self._subscription(asking, subscription)
        if known is None:
            return SUBSCRIPTION_UNKNOWN
        then = msgspec.structs.replace(known, settings=proposal.rules, enabled=proposal.enabled)
        rules = refuse_rules(state, then)
        if isinstance(rules, Refusal):
            return rules
        then.rules = rules.rules
        return await self._preview(state, state, [Change(_copied(known), then)], proposal.last_events)

    async def preview_layer(self, asking: Asking, proposal: LayerProposal) -> PreviewAnswer | Refusal:
        """As if the layer were published."""
        state = self._engine.state
        tenant = self._tenant(asking, proposal)
        if isinstance(tenant, Refusal):
            return tenant
        command = PublishSettings(
            scope=proposal.scope,
            target=proposal.target,
            tenant=tenant,
            revision=0,
            settings=proposal.settings,
            guards=proposal.guards,
        )
        refused = refuse_settings(state, command)
        if refused is not None:
            return refused
        proposed = _with_layer(state, command)
        changes = list(_changes(proposed, command))
        return await self._preview(state, proposed, changes, proposal.last_events)

    async def _preview(
        self, state: State, proposed: State, changes: list[Change], most_events: int
    ) -> PreviewAnswer:
        preview = Preview(state, proposed, self._engine.readings, changes, most_events)
        for _ in preview.steps(self._recent.newest_first(self._engine.committed)):
            await self._sleeper.sleep(0)
        return preview.answer(self._recent.reach)

    def _subscription(self, asking: Asking, subscription: SubscriptionId) -> Subscription | None:
        found = self._engine.state.subscriptions.get(subscription)
        return found if found is not None and asking.tenant in (None, found.tenant) else None

    def _tenant(self, asking: Asking, proposal: LayerProposal) -> TenantId | Refusal:
        """Whose platform, group or follower it is; another tenant's does not exist."""
        if proposal.scope is SettingsScope.PLATFORM:
            if proposal.target:
                return TARGET_UNKNOWN
            return asking.tenant or proposal.tenant or TENANT_MISSING
        state = self._engine.state
        owner: Group | Account | None = (
            state.groups.get(GroupId(proposal.target))
            if proposal.scope is SettingsScope.GROUP
            else state.accounts.get(AccountId(proposal.target))
        )
        if owner is None or asking.tenant not in (None, owner.tenant):
            return TARGET_UNKNOWN
        return owner.tenant


def _in_force(rules: Effective) -> Iterator[tuple[str, SettingInForce]]:
    names = zip(rules.rules.__struct_fields__, rules.rules.__struct_encode_fields__, strict=True)
    for field, name in names:
        value: Any = getattr(rules.rules, field)
        yield name, SettingInForce(value=value, origin=rules.origins.get(name, Layer.DEFAULT))


def _with_layer(state: State, command: PublishSettings) -> State:
    target = settings_target(command)
    layer = SettingsLayer(
        scope=command.scope,
        target=target,
        tenant=command.tenant,
        revision=command.revision,
        settings=command.settings,
        guards=command.guards,
    )
    return msgspec.structs.replace(state, layers=state.layers | {layer_key(command.scope, target): layer})


def _changes(proposed: State, command: PublishSettings) -> Iterator[Change]:
    """Of every subscription that the layer concerns, whether its rules would change or only its guards."""
    for subscription in concerned(proposed, command.scope, settings_target(command)):
        rules = effective(layers_of(proposed, subscription)).rules
        yield Change(_copied(subscription), msgspec.structs.replace(subscription, rules=rules))


def _copied(subscription: Subscription) -> Subscription:
    """As it is now: the state may go on while a preview pauses."""
    return msgspec.structs.replace(subscription)
