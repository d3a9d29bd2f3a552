"""Settings from the environment; a wrong one is named in a sentence."""

import re
from pathlib import Path

import pytest

from kopitra_agent.adapters.mt5_session import Mt5Settings
from kopitra_agent.settings import Role, SettingsInvalid, read_prefixed, settings_from

GIVEN = {
    "KOPITRA_AGENT_BASE_URL": "https://counterparty.example",
    "KOPITRA_AGENT_ACCOUNT": "leader-1",
    "KOPITRA_AGENT_DEVICE_ID": "desk",
    "KOPITRA_AGENT_ROLE": "both",
    "KOPITRA_AGENT_STATE_FOLDER": "/var/lib/kopitra",
    "UNRELATED": "x",
}


def test_variables_become_settings_with_defaults_for_the_rest():
    settings = settings_from(
        GIVEN | {"KOPITRA_AGENT_SETTLE_SECONDS": "3.5", "KOPITRA_AGENT_QUOTE_SYMBOLS": "EURUSD, USDJPY"}
    )
    assert (settings.role, settings.state_folder) == (Role.BOTH, Path("/var/lib/kopitra"))
    assert settings.settle_seconds == 3.5
    assert settings.quote_symbols == ("EURUSD", "USDJPY")
    assert settings.poll_wait_seconds == 20


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ROLE", "spectator", "role"),
        ("POLL_WAIT_SECONDS", "60", "poll_wait_seconds must be between 0 and 25"),
        ("CONCURRENT_OPENS", "0", "concurrent_opens must be above 0"),
        ("SETTLE_SECONDS", "-1", "settle_seconds must not be negative"),
        ("SHOE_SIZE", "45", "KOPITRA_AGENT_SHOE_SIZE is not a setting"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, sentence: str):
    with pytest.raises(SettingsInvalid, match=sentence):
        settings_from(GIVEN | {f"KOPITRA_AGENT_{name}": value})


@pytest.mark.parametrize("missing", ["BASE_URL", "ACCOUNT", "DEVICE_ID", "ROLE", "STATE_FOLDER"])
def test_a_missing_setting_is_named(missing: str):
    given = {k: v for k, v in GIVEN.items() if not k.endswith(missing)}
    with pytest.raises(SettingsInvalid, match=missing.lower().split("_")[0]):
        settings_from(given)


def test_the_sample_of_the_terminals_settings_names_every_one_with_its_default():
    sample = (Path(__file__).parents[3] / "ea" / "agent" / ".env.mt5.sample").read_text()
    shown = dict(re.findall(r"^(?:# )?(KOPITRA_MT5_[A-Z0-9_]+)=(.*)$", sample, re.MULTILINE))
    assert {name.removeprefix("KOPITRA_MT5_").lower() for name in shown} == {*Mt5Settings.__struct_fields__}
    assert read_prefixed(shown | {"KOPITRA_MT5_LOGIN": "5"}, "KOPITRA_MT5_", Mt5Settings) == Mt5Settings(
        login=5
    )
