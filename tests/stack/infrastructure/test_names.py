"""Names within what each service takes, whoever deploys."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.naming import RULES, NameInvalid, Names, checked
from tests.stack.environments import ENVIRONMENTS, with_slots

GLOBAL = {name for name, rule in RULES.items() if rule.is_global}


@given(environment=st.sampled_from(ENVIRONMENTS), subscription=st.uuids())
def test_every_name_of_every_environment_is_taken_by_its_service(
    environment: str, subscription: UUID
) -> None:
    names = Names(environment, str(subscription))

    for resource in RULES:
        assert checked(resource, names.of(resource)).replace("-", "").startswith("kopitra")


@given(one=st.uuids(), other=st.uuids())
def test_a_name_is_the_same_every_time_and_tells_owners_apart_where_it_must(one: UUID, other: UUID) -> None:
    mine, again, theirs = Names("prod", str(one)), Names("prod", str(one)), Names("prod", str(other))

    assert {mine.of(name) for name in RULES} == {again.of(name) for name in RULES}
    if mine.suffix != theirs.suffix:
        assert not {mine.of(name) for name in GLOBAL} & {theirs.of(name) for name in GLOBAL}


def test_a_name_reads_as_application_resource_and_environment() -> None:
    names = Names("prod", "00000000-0000-0000-0000-000000000000")

    assert names.of("plan") == "kopitra-plan-prod"
    assert names.of("data") == f"kopitradataprod{names.suffix}"
    assert names.of("sql") == f"kopitra-sql-prod-{names.suffix}"


@pytest.mark.parametrize(
    ("resource", "name", "why"),
    [
        ("kv", "kopitra-kv-" + "x" * 20, "has 31 characters, and 3 to 24 are allowed"),
        ("data", "kopitra-data", "holds characters that its service does not allow"),
        ("bus", "1-kopitra-bus", "holds characters that its service does not allow"),
        ("sql", "kopitra-sql-", "holds characters that its service does not allow"),
    ],
)
def test_a_name_that_a_service_would_refuse_is_refused_before(resource: str, name: str, why: str) -> None:
    with pytest.raises(NameInvalid, match=why):
        checked(resource, name)


def test_no_two_resources_of_a_kind_have_the_same_name_or_place() -> None:
    urns = [each.urn for each in with_slots().resources]

    assert len(urns) == len(set(urns))
