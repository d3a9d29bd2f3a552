"""An app's settings are read by everybody who may look at the app: no secret is among them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from stack.policy.judging import UNSEEN, Judged, Rule

SOUNDS_SECRET = re.compile(
    r"KEYS?(_|$)|SECRET|PASSWORD|PWD|TOKEN|CONNECTION_?STRING|CREDENTIAL|(^|_)SAS(_|$)", re.I
)
LOOKS_SECRET = (
    re.compile(r"(AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd)\s*=", re.I),
    re.compile(r"[?&]sig=[A-Za-z0-9%]"),
    re.compile(r"^ey[A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\."),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"^[A-Za-z0-9+/]{43,}={1,2}$"),
)
"""Connection strings, signatures, tokens, keys."""
REFERENCE = "@Microsoft.KeyVault("
IDENTITY = "managedidentity"
ADDRESS = re.compile(r"https://[a-z0-9-]+\.vault\.azure\.net/keys/[a-z0-9-]+(/[0-9a-f]{32})?")
KNOWN_HARMLESS: Mapping[str, str] = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "an address: Application Insights takes identities only",
    "KOPITRA_TOKEN_KEY_ID": "which key signs, not the key",
}
"""Names that sound secret → why what they hold is not."""


def _plain(resource: Judged) -> Iterator[str]:
    settings: Any = resource.at("siteConfig.appSettings")
    for setting in cast("list[Any]", settings if isinstance(settings, list) else []):
        if not isinstance(setting, Mapping):
            continue
        pair = cast("Mapping[str, Any]", setting)
        name, value = pair.get("name"), pair.get("value")
        if value is UNSEEN or not isinstance(value, str) or not isinstance(name, str):
            continue
        if _is_reference(value):
            continue
        if any(look.search(value) for look in LOOKS_SECRET):
            yield f"the setting {name} holds what looks like a secret; refer to the vault instead"
        elif SOUNDS_SECRET.search(name) and name not in KNOWN_HARMLESS:
            yield f"the setting {name} sounds secret and does not refer to the vault"
    if resource.at("siteConfig.connectionStrings") not in (None, [], UNSEEN):
        yield "connection strings are not used: callers are identities"


def _is_reference(value: str) -> bool:
    return value.startswith(REFERENCE) or value == IDENTITY or ADDRESS.fullmatch(value) is not None


RULES = (
    Rule(
        "no-plain-secrets",
        "An app's settings refer to secrets and hold none.",
        _plain,
        frozenset({"web:WebApp", "web:WebAppSlot"}),
    ),
)
