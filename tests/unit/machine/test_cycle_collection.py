"""The cycle collector leaves the state alone (docs/decisions/0091)."""

import gc

import msgspec
import pytest

from kopitra.machine.events import CopyDecision, Event, Recorded
from kopitra.machine.state import Mutable
from tests.unit.copying.world import LEADER, World

PARTS: list[type[msgspec.Struct]] = [
    *Mutable.__subclasses__(),
    *Event.__subclasses__(),
    Recorded,
    CopyDecision,
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_no_part_of_the_state_and_no_event_is_walked(part: type[msgspec.Struct]) -> None:
    assert not part.__struct_config__.gc


def test_an_account_and_its_dicts_of_structs_are_not_tracked() -> None:
    world = World()
    account = world.state.accounts[LEADER]
    assert not gc.is_tracked(account)
    assert not gc.is_tracked(account.catalog)
