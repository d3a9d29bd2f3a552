"""From what Pulumi has of a stack's configuration to settings, or to one sentence about what is wrong."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from stack.settings.model import Settings

NAMESPACE = "kopitra"
TOPICS = frozenset(
    name
    for name, field in Settings.model_fields.items()
    if field.annotation is not None and hasattr(field.annotation, "model_fields")
)
"""Settings that are objects: Pulumi hands them over as JSON."""


class SettingsInvalid(Exception):
    """The settings of an environment do not allow a deployment; the text is one sentence that names the first wrong
    one."""


def settings_from(config: Mapping[str, str], *, environment: str) -> Settings:
    """`config`: Pulumi's plain text values by key, without the namespace. `environment`: the stack's name. Raises
    SettingsInvalid."""
    given: dict[str, Any] = {"environment": environment}
    for key, value in config.items():
        if key == "environment":
            raise SettingsInvalid(f"{NAMESPACE}:environment: is the stack's name and cannot be set")
        given[key] = _decoded(key, value)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error)) from None


def _decoded(key: str, value: str) -> Any:
    if key not in TOPICS and value not in ("true", "false"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise SettingsInvalid(f"{NAMESPACE}:{key}: is not JSON") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    path = ".".join(
        str(part)
        for part in first["loc"]
        if not str(part).startswith(("function-", "literal[", "constrained-"))
    )
    if first["type"] == "missing":
        message = "is missing"
    elif first["type"] == "extra_forbidden":
        message = "is no setting of this stack"
    return f"{NAMESPACE}:{path}: {message}" if path else f"{NAMESPACE}: {message}"
