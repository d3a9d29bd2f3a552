"""host.json, the samples and function_app.py say what the code says."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from kopitra_cli.functions_host.limits import HostLimits
from kopitra_functions.functions import CONNECTION
from kopitra_functions.settings import PREFIX, Settings, load_settings
from scripts.tooling.steps import ROOT

APP = ROOT / "apps" / "functions"
HOST: dict[str, Any] = json.loads((APP / "host.json").read_text())


def samples() -> dict[str, str]:
    line = rf"^# ((?:{PREFIX}|APPLICATIONINSIGHTS_)[A-Z0-9_]+)=(.*)$"
    found = re.findall(line, (APP / ".env.sample").read_text(), re.MULTILINE)
    return dict(found)


def test_azure_s_host_is_told_the_same_limits_as_the_local_one():
    bus, limits = HOST["extensions"]["serviceBus"], HostLimits()
    assert bus["autoCompleteMessages"] is True
    assert bus["maxConcurrentCalls"] == limits.concurrent_calls
    assert bus["maxMessageBatchSize"] == limits.batch_messages
    hours, minutes, seconds = map(int, bus["maxAutoLockRenewalDuration"].split(":"))
    assert hours * 3600 + minutes * 60 + seconds == limits.lock_renewal


def test_azure_s_host_puts_nothing_before_the_routes():
    assert HOST["extensions"]["http"]["routePrefix"] == ""
    assert HOST["extensionBundle"]["id"] == "Microsoft.Azure.Functions.ExtensionBundle"


def test_the_sample_names_every_setting_and_no_other():
    assert samples().keys() == {
        str(field.validation_alias or PREFIX + name.upper()) for name, field in Settings.model_fields.items()
    }


def test_the_sample_shows_the_real_defaults(monkeypatch: pytest.MonkeyPatch):
    unset = load_settings()
    for name, value in samples().items():
        if value:
            monkeypatch.setenv(name, value)
    assert load_settings() == unset


def test_core_tools_settings_name_settings_that_there_are():
    values = json.loads((APP / "local.settings.sample.json").read_text())["Values"]
    ours = {name for name in values if name.startswith(PREFIX)}
    assert ours <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert CONNECTION in values


def test_azure_s_worker_finds_one_app_by_importing_function_app_and_nothing_is_opened(tmp_path: Any):
    """In a process of its own, as there: without any setting, in a folder that stays empty."""
    code = "import function_app as f; print(len(f.app.get_functions()), type(f.app).__name__)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KOPITRA_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(APP)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["9", "FunctionApp"]
    assert list(tmp_path.iterdir()) == []
