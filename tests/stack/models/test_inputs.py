"""Everything that the stack would send is what Azure's own clients could send."""

import pytest

from tests.stack.azure import PLACES
from tests.stack.environments import ENVIRONMENTS, environment, first_preview, with_slots
from tests.stack.models.bodies import BODIES, BY_HAND
from tests.stack.models.checking import complaints


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_azure_knows_every_input_of_an_environment(name: str) -> None:
    assert [problem for each in environment(name).azure for problem in complaints(each)] == []


def test_azure_knows_every_input_of_what_is_off_by_default() -> None:
    assert [problem for each in with_slots().azure for problem in complaints(each)] == []


def test_a_value_that_is_not_known_yet_may_be_anything() -> None:
    assert [problem for each in first_preview("prod").azure for problem in complaints(each)] == []


def test_every_kind_of_resource_has_a_model_and_a_place_and_every_model_is_used() -> None:
    used = {each.kind for each in with_slots().azure}

    assert used == BODIES.keys() | BY_HAND.keys() == PLACES.keys()
    assert not BODIES.keys() & BY_HAND.keys()
