"""An environment from nothing to nothing, by a real engine: preview, up, up again, change, refresh, destroy."""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError, OpType

from stack.app_settings import Builds
from stack.deployment.firewall import RULE
from tests.stack.azure import PLACES
from tests.stack.engine.azure_native import LOCK_KIND
from tests.stack.engine.replacements import TABLE
from tests.stack.engine.stage import PASSPHRASE, Engine
from tests.stack.environments import ENVIRONMENTS, KEY_BYTES, PAGER

STEPS = ("counterparty-code", "database-contents", "functions-code")
REPLACED_QUEUES = {"trade-agent-events", "trade-agent-history"}
"""Those whose messages carry sessions where the tier has them."""

pytestmark = [
    pytest.mark.timeout(300),
    # A program whose deployment failed is never told that it is over.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Engine]:
    engine = Engine(request.param, tmp_path)
    yield engine
    engine.close()


def first_up(run: Engine) -> None:
    previewed = run.preview()
    assert set(previewed) == {"create"}
    assert run.azure.cloud == {}
    assert run.side.asked == []

    made = run.up()

    assert made == {"create": previewed["create"]}  # pyright: ignore[reportArgumentType]
    assert set(STEPS) < run.steps().keys()
    assert (run.apps["counterparty"].build, run.apps["functions"].build) == ("c1", "f1")
    assert run.side.migrated
    assert run.side.statements
    assert run.side.rules == {}
    told = {event.diagnostic_event.message.strip() for event in run.events if event.diagnostic_event}
    assert "The database's firewall is closed for the deployer" in told
    assert any(each.endswith("/trade-agent/v1/health reports build c1") for each in told)
    outputs = run.stack.outputs()
    assert outputs["counterpartyBuild"].value == "c1"
    assert outputs["release"].value == "v1"


def nothing_to_do(run: Engine) -> None:
    again = run.up()

    assert set(again) == {"same"}
    assert run.steps() == {}
    assert (run.azure.done, run.side.asked) == ([], [])


def no_secret_is_readable(run: Engine) -> None:
    written = run.everything_written()
    for secret in (KEY_BYTES, PAGER, PASSPHRASE, "token for https://", "token-of-the-site"):
        assert secret not in written
    assert "ciphertext" in json.dumps(run.state())


def nothing_drifted(run: Engine) -> None:
    assert set(run.refresh()) == {"same"}


def gone(run: Engine) -> None:
    run.destroy()

    assert run.azure.cloud == {}
    assert not run.state().get("resources")


@pytest.mark.parametrize("run", ["dev"], indirect=True)
def test_development(run: Engine) -> None:
    first_up(run)
    nothing_to_do(run)

    run.builds = Builds(counterparty="bad", functions="f1")
    run.apps["counterparty"].broken.add("bad")
    with pytest.raises(CommandError, match=r"build bad is not so after \d+ s: .* answers 503 with build bad"):
        run.up()
    assert outputs_of(run, "counterparty-code")["build"] == "c1"

    run.builds = Builds(counterparty="c2", functions="f1")
    run.topics["bus"] = {"tier": "Standard", "sessions": True}
    run.up()
    # A queue that is made anew takes the grants on it with it.
    replaced = {name for name, step in run.steps().items() if step == "replace" and "-data-" not in name}
    assert {name for name, step in run.steps().items() if step == "update"} == {
        "counterparty-code",
        "namespace",
    }
    assert replaced == REPLACED_QUEUES
    assert run.apps["counterparty"].build == "c2"
    assert len(run.side.migrated) == 1

    no_secret_is_readable(run)
    nothing_drifted(run)
    gone(run)


@pytest.mark.parametrize("run", ["staging"], indirect=True)
def test_staging(run: Engine) -> None:
    first_up(run)
    nothing_to_do(run)

    run.release = "v1-1-gdocs"
    run.topics["bus"] = {"timeToLiveDays": 5}
    run.up()
    steps = run.steps()
    assert set(steps.values()) == {"update"}
    assert not set(STEPS) & steps.keys()
    assert {step for step in steps if step.startswith(("trade-agent", "management"))} == steps.keys() - {
        "group"
    }

    no_secret_is_readable(run)
    run.apps["functions"].build = "by hand"
    assert run.refresh()[OpType.UPDATE] == 1
    assert outputs_of(run, "functions-code")["build"] == "by hand"
    run.up()
    assert run.steps() == {"functions-code": "update"}
    assert run.apps["functions"].build == "f1"
    gone(run)


@pytest.mark.parametrize("run", ["prod"], indirect=True)
def test_production(run: Engine) -> None:
    first_up(run)
    nothing_to_do(run)

    run.topics["bus"] = {"tier": "Standard", "sessions": True}
    with pytest.raises(CommandError, match="marked for protection"):
        run.preview()

    run.topics = {"counterparty": {"plan": "P0v3"}}
    run.builds = Builds(counterparty="c2", functions="f2")
    run.up()
    steps = run.steps()
    assert (steps["plan"], steps["slot"], steps["counterparty-code"]) == ("update", "create", "update")
    assert (run.apps["counterparty"].build, run.apps["staging"].build) == ("c2", "c1")
    assert run.apps["functions"].build == "f2"

    no_secret_is_readable(run)
    nothing_drifted(run)
    # Whoever destroys is shown this first, and it ends there; `--skip-preview` would remove what holds no state.
    with pytest.raises(CommandError, match="because it is protected"):
        run.stack.preview_destroy()
    run.azure.done.clear()
    run.unprotect()
    gone(run)
    kinds = [each.split()[1] for each in run.azure.done]
    assert LOCK_KIND not in kinds[kinds.index("authorization:RoleAssignment") :]


def test_every_row_of_the_table_is_about_a_resource_of_the_stack_and_says_where_that_stands() -> None:
    assert {row.kind for row in TABLE} == set(PLACES)
    assert all(len(row.source) > 10 for row in TABLE)
    assert len({(row.kind, row.path) for row in TABLE}) == len(TABLE)


def test_the_environments_here_are_all_there_are() -> None:
    assert ENVIRONMENTS == ("dev", "staging", "prod")
    assert RULE not in str(PLACES)


def outputs_of(run: Engine, name: str) -> Mapping[str, Any]:
    """What the state says of a resource."""
    found = [each for each in run.state()["resources"] if each["urn"].endswith(f"::{name}")]
    return found[0]["outputs"]
