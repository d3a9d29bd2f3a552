"""Settings of the management side: defaults, and a sentence for each wrong one."""

from pathlib import Path

import pytest

from kopitra_functions.settings import PREFIX, SettingsInvalid, load_settings

AZURE = {"storage": "azure", "azure_blobs": "b", "azure_service_bus": "s"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `.env` here, and nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)


def test_without_settings_everything_is_embedded_in_the_data_folder():
    settings = load_settings()
    assert settings.storage == "embedded"
    assert settings.sqlite_file == Path("data/management.sqlite")
    assert settings.issuer_key == Path("data/issuer.key")
    assert settings.credentials_key == Path("data/credentials.key")


def test_they_come_from_the_environment_under_their_prefix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"{PREFIX}DRAIN_MESSAGES", "7")
    monkeypatch.setenv("KOPITRA_DATA_FOLDER", "of-the-counterparty")
    settings = load_settings()
    assert (settings.drain_messages, settings.data_folder) == (7, Path("data"))


def test_a_secret_is_never_shown():
    settings = load_settings(**{**AZURE, "azure_service_bus": "Endpoint=sb://x;SharedAccessKey=hush"})
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"storage": "cloud"}, "KOPITRA_FUNCTIONS_STORAGE: Input should be 'embedded' or 'azure'"),
        (
            {"storage": "azure"},
            "KOPITRA_FUNCTIONS_AZURE_BLOBS and KOPITRA_FUNCTIONS_AZURE_SERVICE_BUS are needed where storage is azure",
        ),
        (
            {"azure_blobs": "b"},
            "KOPITRA_FUNCTIONS_AZURE_… settings are for a storage that is azure, not embedded",
        ),
        (
            {"operator_issuer": "https://issuer"},
            "KOPITRA_FUNCTIONS_OPERATOR_ISSUER, _AUDIENCE and _JWKS belong together",
        ),
        ({"sql_server": "s"}, "KOPITRA_FUNCTIONS_SQL_SERVER and _SQL_DATABASE belong together"),
        (
            {"sql_server": "s", "sql_database": "d", "database_file": "f"},
            "KOPITRA_FUNCTIONS_DATABASE_FILE is for SQLite, not for a SQL server",
        ),
        ({"log_level": "loud"}, "KOPITRA_FUNCTIONS_LOG_LEVEL: must be one of debug, info, warning, error"),
        (
            {"drain_messages": 0},
            "KOPITRA_FUNCTIONS_DRAIN_MESSAGES: Input should be greater than or equal to 1",
        ),
        (
            {"counterparty_url": "http://host/path"},
            r"KOPITRA_FUNCTIONS_COUNTERPARTY_URL: String should match pattern '^https?://[^/?#\s]+$'",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(given: dict[str, object], sentence: str):
    with pytest.raises(SettingsInvalid) as refused:
        load_settings(**given)
    assert str(refused.value) == sentence


def test_settings_never_change():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().drain_messages = 1  # type: ignore[misc]
