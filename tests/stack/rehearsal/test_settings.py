"""The settings that the stack gives an app are those that the app knows, and all that it needs."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

import kopitra_counterparty.settings as counterparty
import kopitra_functions.settings as functions
from kopitra.application.features import FLAGS
from kopitra_counterparty.bootstrap import COMMANDS_QUEUE, EVENTS_QUEUE
from kopitra_functions import queue_names
from kopitra_functions.functions import CONNECTION
from stack.components.bus import QUEUES
from stack.components.storage import AUDIT_CONTAINER, COUNTERPARTY_CONTAINER
from tests.stack.environments import ENVIRONMENTS, KEY_BYTES, config_of
from tests.stack.rehearsal.deployed import given

OF_APP_SERVICE = {
    "PYTHONPATH": "Python's own: where the package's libraries lie",
    "SCM_DO_BUILD_DURING_DEPLOYMENT": "the deployment site's: nothing is built there",
    "ENABLE_ORYX_BUILD": "the deployment site's: nothing is built there",
    "WEBSITES_PORT": "App Service's front end: where the app listens",
    "WEBSITES_CONTAINER_STOP_TIME_LIMIT": "App Service's: seconds between the signal to stop and the kill",
}
OF_THE_FUNCTIONS_HOST = {
    "AzureWebJobsStorage__accountName": "the host's: where its state is",
    "AzureWebJobsStorage__credential": "the host's: by the app's identity",
    f"{CONNECTION}__fullyQualifiedNamespace": "the host's triggers: which namespace",
    f"{CONNECTION}__credential": "the host's triggers: by the app's identity",
}
SAID_BY_THE_PACKAGE = {"build"}
FOR_DESKS_AND_TESTS = {
    "data_folder",
    "database_file",
    "service_key_file",
    "credentials_key_file",
    "telemetry_file",
}
"""Files of one machine: what a deployed app keeps is in Azure."""


def known(model: type[BaseSettings], prefix: str) -> dict[str, bool]:
    """Name in the environment → whether the app starts without it."""
    return {
        str(field.validation_alias or prefix + name.upper()): field.is_required()
        for name, field in model.model_fields.items()
    }


APPS = {
    "app": (counterparty.Settings, counterparty.PREFIX, OF_APP_SERVICE),
    "functions-app": (functions.Settings, functions.PREFIX, OF_THE_FUNCTIONS_HOST),
}
every_app = pytest.mark.parametrize("app", APPS)


@every_app
def test_every_setting_that_the_stack_sets_is_one_that_the_app_or_azure_knows(app: str) -> None:
    model, prefix, of_azure = APPS[app]

    unknown = given(app).keys() - known(model, prefix).keys() - of_azure.keys()
    assert not unknown


@every_app
def test_every_setting_that_the_app_requires_is_set_by_the_stack(app: str) -> None:
    model, prefix, of_azure = APPS[app]

    required = {name for name, is_required in known(model, prefix).items() if is_required}
    assert required <= given(app).keys()
    assert of_azure.keys() <= given(app).keys()


@every_app
def test_no_setting_of_a_desk_or_of_the_package_is_set(app: str) -> None:
    _, prefix, _ = APPS[app]

    never = {prefix + name.upper() for name in SAID_BY_THE_PACKAGE | FOR_DESKS_AND_TESTS}
    assert not never & given(app).keys()


def loaded(
    app: str, monkeypatch: pytest.MonkeyPatch, folder: Path, without: str | None = None
) -> BaseSettings:
    """The app's own reading of exactly these settings, references to the vault resolved."""
    monkeypatch.chdir(folder)
    for name, value in given(app).items():
        if name != without:
            monkeypatch.setenv(name, resolved(name, value))
    if app == "app":
        return counterparty.load_settings()
    return functions.load_settings()


def resolved(name: str, value: str) -> str:
    """As App Service does it."""
    if not value.startswith("@Microsoft.KeyVault("):
        return value
    assert name == "KOPITRA_TOKEN_KEYS"
    return json.dumps({"2026-11": KEY_BYTES})


@every_app
def test_the_app_takes_the_settings_as_they_are(
    app: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values: Mapping[str, object] = loaded(app, monkeypatch, tmp_path).model_dump()

    assert values["storage"] == "azure"
    assert (values["segment_container"], values["blob_container"]) == (
        AUDIT_CONTAINER,
        COUNTERPARTY_CONTAINER,
    )
    for name in ("azure_blobs", "azure_service_bus", "azure_app_configuration", "operator_jwks"):
        assert values[name] is not None, name


@pytest.mark.parametrize("missing", ["KOPITRA_AZURE_TABLES", "KOPITRA_TOKEN_KEY_ID", "KOPITRA_OPERATOR_JWKS"])
def test_one_setting_less_and_the_app_says_which(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(counterparty.SettingsInvalid, match="KOPITRA_"):
        loaded("app", monkeypatch, tmp_path, without=missing)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_flag_that_is_set_is_read_and_every_flag_that_is_read_is_set(name: str) -> None:
    flags: Mapping[str, bool] = config_of(name)["kopitra:configuration"]["featureFlags"]

    assert flags.keys() == {flag.name for flag in FLAGS}


def test_the_queues_of_the_stack_are_those_of_the_apps() -> None:
    assert set(QUEUES) == {*queue_names.ALL, EVENTS_QUEUE, COMMANDS_QUEUE}
