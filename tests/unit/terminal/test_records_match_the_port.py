"""A simulated broker's records are, field by field, what the agent's port promises: two sides of one wire."""

import msgspec
import pytest

from kopitra.simulation.broker import records
from kopitra_agent.ports import terminal as port

PAIRS = [
    (records.AccountView, port.TerminalAccount),
    (records.Position, port.Position),
    (records.PendingOrder, port.PendingOrder),
    (records.Deal, port.Deal),
    (records.TradeRequest, port.TradeRequest),
    (records.TradeResult, port.TradeResult),
]


@pytest.mark.parametrize(("kept", "promised"), PAIRS, ids=lambda kind: kind.__qualname__)
def test_every_promised_field_is_kept(kept: type[msgspec.Struct], promised: type[msgspec.Struct]) -> None:
    missing = set(promised.__struct_fields__) - set(kept.__struct_fields__)
    assert not missing


@pytest.mark.parametrize(("kept", "promised"), PAIRS, ids=lambda kind: kind.__qualname__)
def test_a_field_that_may_be_left_out_means_the_same_on_both_sides(
    kept: type[msgspec.Struct], promised: type[msgspec.Struct]
) -> None:
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(kept)}
    for field in msgspec.structs.fields(promised):
        assert defaults[field.encode_name] == field.default
