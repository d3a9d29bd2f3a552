"""What a choice costs: production with one setting otherwise, by the same reckoning."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stack.cost.capture import captured, changed
from stack.cost.model import cost_of, total
from stack.cost.quiet import Quiet


@dataclass(frozen=True)
class Choice:
    """`topic` and `settings` as in `Pulumi.prod.yaml`."""

    says: str
    topic: str
    settings: Mapping[str, object]


CHOICES = (
    Choice("SQL never pauses, instead of after 15 minutes", "sql", {"autoPauseMinutes": -1}),
    Choice("SQL at most 8 GB, instead of 32", "sql", {"largestGb": 8}),
    Choice("Service Bus Standard, instead of Basic", "bus", {"tier": "Standard"}),
    Choice("plan P0v3 with slots, instead of B1", "counterparty", {"plan": "P0v3"}),
    Choice("plan S1 with slots, instead of B1", "counterparty", {"plan": "S1"}),
    Choice("App Configuration standard, instead of free", "configuration", {"tier": "standard"}),
    Choice("console on Static Web Apps Free, instead of none", "console", {"enabled": True, "tier": "Free"}),
    Choice("console on Static Web Apps Standard", "console", {"enabled": True, "tier": "Standard"}),
    Choice("rules over logs look every 5 minutes, instead of 15", "alerts", {"logMinutes": 5}),
    Choice("storage in three data centres (ZRS)", "storage", {"redundancy": "Standard_ZRS"}),
)


def price_of_choices(environment: str, config: Mapping[str, Any], quiet: Quiet) -> dict[str, Decimal]:
    """USD a month more than without each, by what it says. Raises SettingsInvalid, ResourceUnpriced."""

    def usd(wanted: Mapping[str, Any]) -> Decimal:
        return total(cost_of(captured(environment, wanted), quiet))

    before = usd(config)
    return {each.says: usd(changed(config, each.topic, **each.settings)) - before for each in CHOICES}
