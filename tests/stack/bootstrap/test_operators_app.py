"""`make operators-app` with a stand-in for az that writes down what was asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from kopitra.protocol.management import Role
from kopitra.protocol.management_endpoints import NEEDED_ROLE, RECONCILIATION, SESSIONS
from scripts.tooling.steps import ROOT
from stack.bootstrap.operators_app import (
    AZURE_CLI,
    ROLES,
    SERVICE,
    id_of,
    known_audience,
    operators_app,
    settings,
)
from stack.bootstrap.running import StepFailed, carry_out
from stack.settings.model import OperatorSettings
from tests.stack.bootstrap.desk import APPLICATION, DIRECTORY, PLACE, PRINCIPAL, Desk

FUNCTIONS = "55555555-6666-7777-8888-999999999999"
EVERYTHING = json.dumps(["az ad", "--method GET"])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def bodies(desk: Desk, method: str) -> list[tuple[str, dict[str, Any]]]:
    """Address and body of each request, in order."""
    found: list[tuple[str, dict[str, Any]]] = []
    for said in desk.changes:
        if f"az rest --method {method} " in said:
            head, body = said.split(" --body ")
            found.append((head.split(" --uri ")[1].split()[0], json.loads(body)))
    return found


def test_the_first_time_an_application_is_made_and_described_and_you_administer(desk: Desk) -> None:
    carry_out(operators_app(PLACE, None), PLACE, desk.hands())

    created = [said for said in desk.changes if " create " in said]
    assert [said.split(" --query")[0] for said in created] == [
        "az ad app create --display-name kopitra-dev --sign-in-audience AzureADMyOrg",
        f"az ad sp create --id {APPLICATION}",
    ]
    [(application, described), *_] = bodies(desk, "PATCH")
    assert application == f"https://graph.microsoft.com/v1.0/applications(appId='{APPLICATION}')"
    assert described["identifierUris"] == [f"api://{APPLICATION}"]
    assert described["api"]["requestedAccessTokenVersion"] == 2
    assert bodies(desk, "POST") == [
        (
            "https://graph.microsoft.com/v1.0/users/my-object-id/appRoleAssignments",
            {"principalId": "my-object-id", "resourceId": PRINCIPAL, "appRoleId": id_of("role admin")},
        )
    ]


def test_the_roles_are_those_that_the_apps_know_for_people_and_for_services(desk: Desk) -> None:
    carry_out(operators_app(PLACE, None), PLACE, desk.hands())

    described = bodies(desk, "PATCH")[0][1]
    assert {role["value"] for role in described["appRoles"]} == set(Role)
    assert all(role["allowedMemberTypes"] == ["User", "Application"] for role in described["appRoles"])
    assert len({role["id"] for role in described["appRoles"]}) == len(ROLES)


def test_az_is_let_in_after_the_scope_that_it_is_let_into(desk: Desk) -> None:
    carry_out(operators_app(PLACE, None), PLACE, desk.hands())

    first, second, *_ = [body["api"] for _, body in bodies(desk, "PATCH") if "api" in body]
    [scope] = first["oauth2PermissionScopes"]
    assert "preAuthorizedApplications" not in first
    assert second["oauth2PermissionScopes"] == [scope]
    assert second["preAuthorizedApplications"] == [
        {"appId": AZURE_CLI, "delegatedPermissionIds": [scope["id"]]}
    ]


def test_nobody_gets_a_token_before_a_role(desk: Desk) -> None:
    """An identity's token is kept for a day, so one without the role would be in the way for as long."""
    carry_out(operators_app(PLACE, None, FUNCTIONS), PLACE, desk.hands())

    required = f"https://graph.microsoft.com/v1.0/servicePrincipals/{PRINCIPAL}"
    assert bodies(desk, "PATCH")[-1] == (required, {"appRoleAssignmentRequired": True})


def test_the_management_side_gets_the_role_that_its_own_questions_need(desk: Desk) -> None:
    carry_out(
        operators_app(PLACE, None, FUNCTIONS),
        PLACE,
        desk.hands(KNOWN=EVERYTHING.replace("--method GET", "users")),
    )

    assert {NEEDED_ROLE[each.scope] for each in (SESSIONS, RECONCILIATION)} == {Role(SERVICE)}
    assert bodies(desk, "POST") == [
        (
            f"https://graph.microsoft.com/v1.0/servicePrincipals/{FUNCTIONS}/appRoleAssignments",
            {"principalId": FUNCTIONS, "resourceId": PRINCIPAL, "appRoleId": id_of("role viewer")},
        )
    ]


def test_again_it_makes_and_assigns_nothing(desk: Desk) -> None:
    carry_out(operators_app(PLACE, None, FUNCTIONS), PLACE, desk.hands(KNOWN=EVERYTHING))

    assert not [said for said in desk.changes if " create " in said or "--method POST" in said]


def test_an_application_that_the_file_names_is_found_by_its_id(desk: Desk) -> None:
    carry_out(operators_app(PLACE, APPLICATION), PLACE, desk.hands(KNOWN=EVERYTHING))

    asked = [said for said, _ in desk.asked if said.startswith("az ad app")]
    assert asked == [f"az ad app show --id {APPLICATION} --query appId --output tsv"]


def test_one_that_the_file_names_and_that_is_gone_is_not_replaced_silently(desk: Desk) -> None:
    with pytest.raises(StepFailed, match="the application kopitra-dev: az ad app show"):
        carry_out(operators_app(PLACE, APPLICATION), PLACE, desk.hands())


def test_of_two_applications_of_one_name_none_is_taken(desk: Desk) -> None:
    two = desk.hands(KNOWN=EVERYTHING, APPLICATIONS=f"{APPLICATION}\n{FUNCTIONS}")

    with pytest.raises(StepFailed, match="there should be one, and there are 2"):
        carry_out(operators_app(PLACE, None), PLACE, two)
    assert desk.changes == []


def test_what_it_says_for_the_file_is_what_the_stack_takes(desk: Desk) -> None:
    known = carry_out(operators_app(PLACE, None), PLACE, desk.hands())

    file, topic, *lines, _ = settings(PLACE, known).splitlines()
    assert (file, topic) == ("Pulumi.dev.yaml:", "  kopitra:operators:")
    said = dict(line.strip().split(": ") for line in lines)
    operators = OperatorSettings.model_validate(said)
    assert (operators.tenant_id, operators.audience) == (DIRECTORY, APPLICATION)


def test_the_placeholder_is_no_application(tmp_path: Path) -> None:
    assert known_audience("dev", ROOT) is None
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    line = next(line for line in text.splitlines() if "audience:" in line)
    (tmp_path / "Pulumi.dev.yaml").write_text(text.replace(line, f"    audience: {APPLICATION}"))
    assert known_audience("dev", tmp_path) == APPLICATION
