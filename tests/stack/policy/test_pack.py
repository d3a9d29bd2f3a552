"""The pack as Pulumi runs it: a process of its own that is asked about resources."""

import asyncio
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from pulumi.runtime import rpc
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from stack.packages.building import ROOT
from stack.policy.rules import RULES, STACK_RULES
from tests.stack.environments import environment
from tests.stack.monitor import Captured

FOLDER = ROOT / "stack" / "policy"


@contextmanager
def running() -> Generator[Any]:
    """The pack's own entry point, spoken to as the engine does."""
    # Unbuffered, as Pulumi starts it: the pack says its port by a line that it does not flush.
    process = subprocess.Popen([sys.executable, "-u", str(FOLDER)], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def pack() -> Iterator[Any]:
    with running() as stub:
        yield stub


def request_of(resource: Captured, **other: Any) -> Any:
    inputs = {**resource.plain(), **other}
    return analyzer_pb2.AnalyzeRequest(
        type=resource.type,
        urn=resource.urn,
        name=resource.name,
        properties=asyncio.run(rpc.serialize_properties(inputs, {})),
        options=analyzer_pb2.AnalyzerResourceOptions(protect=resource.protect),
    )


def test_the_pack_tells_every_rule_as_mandatory(pack: Any) -> None:
    told = pack.GetAnalyzerInfo(_empty())

    assert told.name == "kopitra"
    rules = {policy.name: policy for policy in told.policies}
    assert rules.keys() == {rule.name for rule in (*RULES, *STACK_RULES)}
    assert {policy.enforcementLevel for policy in rules.values()} == {analyzer_pb2.MANDATORY}


def test_the_pack_lets_the_account_of_production_through(pack: Any) -> None:
    account = environment("prod").one("storage:StorageAccount")

    assert list(pack.Analyze(request_of(account)).diagnostics) == []


def test_the_pack_stops_a_public_account_and_says_which_rule_does(pack: Any) -> None:
    account = environment("prod").one("storage:StorageAccount")

    (told,) = pack.Analyze(request_of(account, allowBlobPublicAccess=True)).diagnostics
    assert told.policyName == "no-public-blobs"
    assert told.enforcementLevel == analyzer_pb2.MANDATORY
    assert "allowBlobPublicAccess is True" in told.message


def test_a_value_that_is_not_known_yet_hides_no_other(pack: Any) -> None:
    app = environment("prod").one("web:WebApp", "app")
    site = {
        **app.plain()["siteConfig"],
        "appSettings": [
            {"name": "KOPITRA_AZURE_TABLES", "value": rpc.UNKNOWN},
            {"name": "SMTP_PASSWORD", "value": "hunter2"},
        ],
    }

    told = pack.Analyze(request_of(app, siteConfig=site)).diagnostics
    assert [each.policyName for each in told] == ["no-plain-secrets"]


def test_the_pack_judges_an_environment_as_a_whole(pack: Any) -> None:
    def of(names: set[str]) -> Any:
        return analyzer_pb2.AnalyzeStackRequest(
            resources=[
                analyzer_pb2.AnalyzerResource(
                    type=each.type,
                    urn=each.urn,
                    name=each.name,
                    properties=asyncio.run(rpc.serialize_properties(each.plain(), {})),
                    options=analyzer_pb2.AnalyzerResourceOptions(protect=each.protect),
                    dependencies=list(each.dependencies),
                    propertyDependencies={
                        name: analyzer_pb2.AnalyzerPropertyDependencies(urns=list(urns))
                        for name, urns in each.sources.items()
                    },
                )
                for each in environment("prod").azure
                if each.name in names
            ]
        )

    locked = {"group", "account", "no-delete-storage"}
    assert list(pack.AnalyzeStack(of(locked)).diagnostics) == []
    (told,) = pack.AnalyzeStack(of(locked - {"no-delete-storage"})).diagnostics
    assert (told.policyName, told.message.splitlines()[-1]) == (
        "locked",
        "account holds state and has no lock against deletion",
    )


def test_the_packs_folder_says_how_to_run_it() -> None:
    described: Any = yaml.safe_load((FOLDER / "PulumiPolicy.yaml").read_text())

    assert described["runtime"]["name"] == "python"
    assert (FOLDER / described["runtime"]["options"]["virtualenv"]).resolve() == Path(
        ROOT / ".venv"
    ).resolve()


def _empty() -> Any:
    from google.protobuf import empty_pb2  # noqa: PLC0415 — generated: no names for a type checker

    return empty_pb2.Empty()
