"""Publishing the apps: what is sent where, what is waited for, and what becomes of a failure."""

from pathlib import Path
from typing import Any

import pytest

from stack.deployment.counterparty import HEALTH, LIVE, CounterpartyStep
from stack.deployment.functions import FunctionsStep
from stack.deployment.site import Way, scm_host
from stack.deployment.world import Answer, DeploymentFailed
from tests.stack.deployment.azure_side import App, AzureSide, Clock, Redirected, listening, package

HOST, SLOT_HOST = "kopitra-counterparty-prod-abc12.azurewebsites.net", "kopitra-staging.azurewebsites.net"
PATH = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/kopitra"
STRAIGHT: dict[str, Any] = {"appId": PATH, "host": HOST, "warmUpSeconds": 600.0}
WITH_SLOT: dict[str, Any] = {**STRAIGHT, "slotId": f"{PATH}/slots/staging", "slotHost": SLOT_HOST}
OLD = {"build": "old"}


class Stage:
    """An app, its staging slot, and whoever deploys to them."""

    def __init__(self, folder: Path, *builds: str) -> None:
        self.app, self.slot = App(HOST, PATH, "old"), App(SLOT_HOST, f"{PATH}/slots/staging")
        self.azure = AzureSide(self.app, self.slot)
        self.folder = folder
        self.clock = Clock()
        self.said: list[str] = []
        for build in builds:
            package(folder, "counterparty", build)
            package(folder, "functions", build)

    def counterparty(self, build: str, *, slot: bool = False, first: bool = False, http: Any = None) -> None:
        given = {**(WITH_SLOT if slot else STRAIGHT), "build": build}
        world = self.azure.world(self.folder, self.clock, http)
        CounterpartyStep().apply(world, given, None if first else OLD, self.said.append)

    def functions(self, build: str) -> None:
        given = {"appId": PATH, "host": HOST, "build": build}
        FunctionsStep().apply(self.azure.world(self.folder, self.clock), given, OLD, self.said.append)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, "new", "newer", "corrupt")


def test_the_deployment_site_of_an_app_is_beside_it_also_under_a_unique_name() -> None:
    assert scm_host("kopitra.azurewebsites.net") == "kopitra.scm.azurewebsites.net"
    unique = "kopitra-f3e2.westeurope-01.azurewebsites.net"
    assert scm_host(unique) == "kopitra-f3e2.scm.westeurope-01.azurewebsites.net"


def test_without_slots_the_package_goes_straight_to_the_app_and_its_health_is_waited_for(
    stage: Stage,
) -> None:
    stage.counterparty("new")

    assert stage.app.build == "new"
    assert stage.app.published == [str(Way.APP_SERVICE)]
    assert stage.slot.build is None
    assert stage.azure.asked[-1] == f"GET {HOST}{HEALTH}"
    assert stage.said[-1] == f"https://{HOST}{HEALTH} reports build new"


def test_the_package_goes_over_the_wire_as_it_is(stage: Stage) -> None:
    with listening(stage.azure) as port:
        stage.counterparty("new", http=Redirected(port))

    assert stage.app.build == "new"


def test_with_slots_the_new_version_is_alive_beside_the_old_one_before_it_takes_its_place(
    stage: Stage,
) -> None:
    stage.counterparty("new", slot=True)

    assert (stage.app.build, stage.slot.build) == ("new", "old")
    assert stage.app.published == []
    asked = stage.azure.asked
    alive = asked.index(f"GET {SLOT_HOST}{LIVE}")
    swapped = next(index for index, each in enumerate(asked) if each.endswith("/slotsswap"))
    assert alive < swapped < asked.index(f"GET {HOST}{HEALTH}")


def test_a_version_that_does_not_start_in_the_slot_is_never_swapped_in(stage: Stage) -> None:
    stage.slot.broken.add("new")

    with pytest.raises(
        DeploymentFailed, match=r"build new is not so after 600 s: .*answers 503 with build new"
    ):
        stage.counterparty("new", slot=True)

    assert stage.app.build == "old"
    assert not [each for each in stage.azure.asked if each.endswith("/slotsswap")]


def test_a_version_that_is_unhealthy_in_its_place_is_swapped_out_again(stage: Stage) -> None:
    stage.app.broken.add("new")

    with pytest.raises(DeploymentFailed, match="the old version was swapped back and serves"):
        stage.counterparty("new", slot=True)

    assert (stage.app.build, stage.slot.build) == ("old", "new")


def test_without_slots_a_version_that_does_not_become_healthy_fails_the_deployment(stage: Stage) -> None:
    stage.app.broken.add("new")

    with pytest.raises(DeploymentFailed, match="answers 503 with build new"):
        stage.counterparty("new")

    assert stage.clock.seconds <= STRAIGHT["warmUpSeconds"] + 30


def test_the_old_version_that_still_answers_is_not_taken_for_the_new_one(stage: Stage) -> None:
    stage.azure.faults[f"GET {HOST}{HEALTH}"] = [Answer(200, {"build": "old"})] * 3

    stage.counterparty("new")

    assert stage.azure.asked.count(f"GET {HOST}{HEALTH}") == 4


def test_an_archive_that_azure_cannot_unpack_fails_the_deployment_with_azures_words(stage: Stage) -> None:
    with pytest.raises(
        DeploymentFailed, match=r"the archive is damaged See https://.*/api/deployments/d1/log"
    ):
        stage.counterparty("corrupt")

    assert stage.app.build == "old"


def test_a_deployer_without_the_role_is_told_which(stage: Stage) -> None:
    stage.azure.refuses_packages = True

    with pytest.raises(DeploymentFailed, match="needs the role Website Contributor"):
        stage.counterparty("new")

    assert stage.clock.seconds == 0


def test_a_site_that_restarts_or_is_busy_with_another_deployment_is_asked_again(stage: Stage) -> None:
    publish = f"POST {scm_host(HOST)}/api/publish"
    stage.azure.faults[publish] = [None, Answer(503), Answer(409)]
    stage.azure.faults[f"GET {scm_host(HOST)}/api/deployments/d1"] = [Answer(502), None, Answer(404)]

    stage.counterparty("new")

    assert stage.app.build == "new"
    assert stage.azure.asked.count(publish) == 4


def test_nothing_is_published_before_the_settings_from_the_vault_are_resolved(stage: Stage) -> None:
    stage.azure.unresolved = 4

    stage.counterparty("new", first=True)

    published = stage.azure.asked.index(f"POST {scm_host(HOST)}/api/publish")
    refreshes = [index for index, each in enumerate(stage.azure.asked) if each.endswith("/refresh")]
    assert len(refreshes) == 4
    assert max(refreshes) < published
    assert "Waiting until the app may read KOPITRA_TOKEN_KEYS from the vault" in stage.said


def test_a_setting_that_stays_unresolved_fails_the_deployment_and_is_named(stage: Stage) -> None:
    stage.azure.unresolved = 1_000_000

    with pytest.raises(DeploymentFailed, match=r"KOPITRA_TOKEN_KEYS.*no role yet"):
        stage.counterparty("new")

    assert stage.app.published == []


def test_what_is_not_packaged_any_more_is_not_guessed(stage: Stage) -> None:
    with pytest.raises(DeploymentFailed, match="build gone of counterparty is not in packages"):
        stage.counterparty("gone")


def test_the_functions_are_published_as_flex_consumption_takes_them(stage: Stage) -> None:
    stage.functions("newer")

    assert stage.app.build == "newer"
    assert stage.app.published == [str(Way.FLEX)]
    assert stage.azure.asked[-1] == f"GET {HOST}/api/admin/health"
