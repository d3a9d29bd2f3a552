"""Names of resources: `kopitra-<resource>-<env>`, within what each service allows.

Services whose names are global or may hold no hyphen get a short suffix of the subscription, so that two owners of
Kopitra never collide and a name never depends on chance.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

APPLICATION = "kopitra"
SUFFIX_CHARACTERS = 5
"""36⁵ subscriptions: enough for names that only Kopitra's owners compete for."""
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class NameInvalid(ValueError):
    """A name that its service would refuse; the text is one sentence that names resource, name and limit."""


@dataclass(frozen=True)
class NameRule:
    """`pattern` is the whole name's; `is_global`: one namespace for all of Azure. `hyphens`: whether they are allowed.
    Source of all: learn.microsoft.com, "Naming rules and restrictions for Azure resources", read 2026-11."""

    longest: int
    pattern: str
    shortest: int = 1
    is_global: bool = False
    hyphens: bool = True


LETTER_FIRST = r"[a-z](?:[a-z0-9-]*[a-z0-9])?"
ANY_FIRST = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"

RULES: Mapping[str, NameRule] = MappingProxyType(
    {
        "resource-group": NameRule(90, ANY_FIRST),
        "plan": NameRule(60, ANY_FIRST),
        "functions-plan": NameRule(60, ANY_FIRST),
        "counterparty": NameRule(60, ANY_FIRST, shortest=2, is_global=True),
        "functions": NameRule(60, ANY_FIRST, shortest=2, is_global=True),
        "console": NameRule(40, ANY_FIRST),
        "sql": NameRule(63, ANY_FIRST, is_global=True),
        "database": NameRule(128, ANY_FIRST),
        "data": NameRule(24, r"[a-z0-9]+", shortest=3, is_global=True, hyphens=False),
        "bus": NameRule(50, LETTER_FIRST, shortest=6, is_global=True),
        "kv": NameRule(24, LETTER_FIRST, shortest=3, is_global=True),
        "configuration": NameRule(50, ANY_FIRST, shortest=5, is_global=True),
        "logs": NameRule(63, ANY_FIRST, shortest=4),
        "insights": NameRule(255, ANY_FIRST),
        "alerts": NameRule(260, ANY_FIRST),
        "workbook": NameRule(260, ANY_FIRST),
        "budget": NameRule(63, ANY_FIRST),
        # Its display name is the same, and Azure refuses more than 25 characters.
        "anomaly": NameRule(25, ANY_FIRST),
    }
)
"""Resource → what its service allows."""


@dataclass(frozen=True)
class Names:
    """The names of one environment. `owner_key`: what tells this owner from others, the Azure subscription's id."""

    environment: str
    owner_key: str

    def of(self, resource: str) -> str:
        """Raises NameInvalid, KeyError for a resource without a rule."""
        rule = RULES[resource]
        parts = [APPLICATION, resource, self.environment]
        if rule.is_global:
            parts.append(self.suffix)
        name = ("-" if rule.hyphens else "").join(parts)
        return checked(resource, name if rule.hyphens else name.replace("-", ""))

    def alert(self, what: str) -> str:
        """The name of one alert rule."""
        return checked("alerts", f"{APPLICATION}-{what}-{self.environment}")

    @property
    def suffix(self) -> str:
        """The same for every name of one owner."""
        number = int.from_bytes(sha256(self.owner_key.encode()).digest()[:8], "big")
        characters: list[str] = []
        for _ in range(SUFFIX_CHARACTERS):
            number, digit = divmod(number, len(BASE36))
            characters.append(BASE36[digit])
        return "".join(characters)


def checked(resource: str, name: str) -> str:
    """The name, if its service takes it. Raises NameInvalid."""
    rule = RULES[resource]
    if not rule.shortest <= len(name) <= rule.longest:
        limits = f"{rule.shortest} to {rule.longest}"
        raise NameInvalid(
            f"the {resource} name {name!r} has {len(name)} characters, and {limits} are allowed"
        )
    if re.fullmatch(rule.pattern, name) is None:
        raise NameInvalid(f"the {resource} name {name!r} holds characters that its service does not allow")
    return name
