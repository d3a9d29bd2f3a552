"""Each .env.sample names every setting of its app and no other, with the default it really has."""

import re
from base64 import b64encode
from pathlib import Path

import msgspec
import pytest

from kopitra_agent.settings import ENVIRONMENT_PREFIX, AgentSettings, settings_from
from kopitra_counterparty.settings import PREFIX, Settings, load_settings
from scripts.tooling.steps import ROOT

COUNTERPARTY = ROOT / "apps" / "counterparty" / ".env.sample"
AGENT = ROOT / "ea" / "agent" / ".env.sample"


def lines_of(sample: Path, *, defaults: bool) -> dict[str, str]:
    """The lines that are commented out (they show defaults), or those that are not (they must be set)."""
    found = re.findall(
        r"^(# )?((?:KOPITRA|APPLICATIONINSIGHTS)_[A-Z0-9_]+)=(.*)$", sample.read_text(), re.MULTILINE
    )
    return {name: value for comment, name, value in found if bool(comment) is defaults}


def variables(*, required: bool | None = None) -> set[str]:
    """The environment's name of every setting of the counterparty, or of those that must be set (or need not)."""
    return {
        str(field.validation_alias or PREFIX + name.upper())
        for name, field in Settings.model_fields.items()
        if required is None or field.is_required() is required
    }


def test_the_counterparty_s_sample_names_every_setting():
    named = lines_of(COUNTERPARTY, defaults=True) | lines_of(COUNTERPARTY, defaults=False)
    assert named.keys() == variables()
    assert lines_of(COUNTERPARTY, defaults=False).keys() == variables(required=True)


def test_the_counterparty_s_sample_shows_the_real_defaults(monkeypatch: pytest.MonkeyPatch):
    key = {"token_keys": {"first": b64encode(bytes(32)).decode()}, "token_key_id": "first"}
    unset = load_settings(**key)
    for name, value in lines_of(COUNTERPARTY, defaults=True).items():
        if value:
            monkeypatch.setenv(name, value)
    assert load_settings(**key) == unset


def test_the_agent_s_sample_names_every_setting():
    named = lines_of(AGENT, defaults=True) | lines_of(AGENT, defaults=False)
    assert named.keys() == {ENVIRONMENT_PREFIX + name.upper() for name in AgentSettings.__struct_fields__}
    required = {
        field.encode_name.upper() for field in msgspec.structs.fields(AgentSettings) if field.required
    }
    assert lines_of(AGENT, defaults=False).keys() == {ENVIRONMENT_PREFIX + name for name in required}


def test_the_agent_s_sample_shows_the_real_defaults():
    given = lines_of(AGENT, defaults=False)
    given |= {name: given[name] or "a" for name in given}
    shown = {name: value for name, value in lines_of(AGENT, defaults=True).items() if value}
    assert settings_from(given | shown) == settings_from(given)
