"""Who pays, who answers, how careful one must be: on everything that can carry it."""

import importlib
import inspect
from typing import Any

import pytest

from stack.tags import REQUIRED_TAGS, tags_of
from tests.stack.environments import ENVIRONMENTS, Built, environment, with_slots
from tests.stack.monitor import Captured


def taggable(resource: Captured) -> bool:
    """Whether Pulumi's class of it takes tags."""
    module, name = resource.kind.split(":")
    made: Any = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name)
    return "tags" in inspect.signature(made._internal_init).parameters


def untagged(built: Built) -> list[str]:
    return [
        each.name
        for each in built.azure
        if taggable(each) and not set(REQUIRED_TAGS) <= set(each.inputs.get("tags", {}))
    ]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_everything_taggable_of_an_environment_carries_the_required_tags(name: str) -> None:
    assert untagged(environment(name)) == []


def test_everything_that_is_off_by_default_carries_them_too() -> None:
    built = with_slots()

    assert untagged(built) == []
    assert sum(taggable(each) for each in built.azure) > 20


def test_tags_say_what_the_settings_say() -> None:
    built = environment("prod")

    assert built.one("sql:Database").inputs["tags"] == {
        "environment": "prod",
        "application": "kopitra",
        "owner": "platform",
        "costCenter": "trading",
        "dataClassification": "confidential",
    }


def test_a_resources_own_tags_replace_none_of_the_required() -> None:
    settings = environment("prod").stack.settings

    assert tags_of(settings, owner="somebody else", release="v1")["owner"] == "platform"
    assert tags_of(settings, release="v1")["release"] == "v1"
