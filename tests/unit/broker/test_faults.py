"""Faults: what the caller learns and what happened, scripted, drawn and from outside."""

from collections import Counter

import pytest

from kopitra.simulation.broker.faults import (
    NO_FAULT,
    Fault,
    FaultKind,
    FaultPlan,
    FaultRates,
    operation_of,
)
from kopitra.simulation.broker.operations import PlanFaults
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import TradeRequest
from kopitra.simulation.broker.retcodes import Retcode
from tests.unit.broker.house import D, House, quoted_house, request


def planned(*faults: Fault) -> House:
    house = quoted_house()
    house.broker.apply(PlanFaults(at=house.at, scripted=faults))
    return house


@pytest.mark.parametrize(
    ("kind", "retcode", "executed"),
    [
        (FaultKind.TIMEOUT, Retcode.TIMEOUT, False),
        (FaultKind.TIMEOUT_EXECUTED, Retcode.TIMEOUT, True),
        (FaultKind.REQUEST_LOST, Retcode.CONNECTION, False),
        (FaultKind.ANSWER_LOST, Retcode.DONE, True),
        (FaultKind.REJECT, Retcode.REJECT, False),
        (FaultKind.REQUOTE, Retcode.REQUOTE, False),
    ],
)
def test_what_is_said_and_what_happened(kind: FaultKind, retcode: Retcode, executed: bool) -> None:
    house = planned(Fault(kind=kind))
    assert house.buy().retcode == retcode
    assert bool(house.positions) is executed


def test_a_timeout_tells_neither_ticket_nor_deal() -> None:
    result = planned(Fault(kind=FaultKind.TIMEOUT_EXECUTED)).buy()
    assert (result.deal_id, result.order_ticket, result.position_ticket) == (None, None, None)


def test_a_requote_names_a_worse_price_for_either_side() -> None:
    fault = Fault(kind=FaultKind.REQUOTE, requote_points=7)
    assert planned(fault).buy().price == D("1.10017")
    assert planned(fault).sell().price == D("1.09993")


def test_requotes_and_partial_fills_befall_market_orders_only() -> None:
    house = quoted_house()
    ticket = house.buy().position_ticket
    for kind in (FaultKind.REQUOTE, FaultKind.PARTIAL):
        house.broker.apply(PlanFaults(at=house.at, scripted=(Fault(kind=kind),)))
        level = "1.09000" if kind is FaultKind.REQUOTE else "1.08000"
        assert house.send("sltp", position=ticket, stop_loss=level).retcode == Retcode.DONE


def test_a_scripted_fault_waits_for_its_operation() -> None:
    house = planned(Fault(kind=FaultKind.REJECT, applies_to=("close",)), Fault(kind=FaultKind.TIMEOUT))
    assert house.buy().retcode == Retcode.TIMEOUT
    ticket = house.buy().position_ticket
    assert house.close(ticket).retcode == Retcode.REJECT
    assert house.close(ticket).done


def test_operations_have_the_names_that_scripts_use() -> None:
    assert operation_of(request("deal")) == "open"
    assert operation_of(request("deal", position=1)) == "close"
    assert operation_of(request("sltp", position=1)) == "sltp"


def test_drawn_faults_come_at_about_their_rates_and_the_same_for_the_same_seed() -> None:
    rates = FaultRates(seed=5, reject=100, partial=200, answer_lost=50, delay_ms=(3, 9))

    def kinds() -> list[Fault]:
        plan = FaultPlan(rates=rates)
        return [plan.take("open") for _ in range(4000)]

    drawn = kinds()
    assert drawn == kinds()
    counts = Counter(fault.kind for fault in drawn)
    assert 320 < counts[FaultKind.REJECT] < 480
    assert 680 < counts[FaultKind.PARTIAL] < 920
    assert 140 < counts[FaultKind.ANSWER_LOST] < 260
    assert set(counts) == {FaultKind.NONE, FaultKind.REJECT, FaultKind.PARTIAL, FaultKind.ANSWER_LOST}
    assert {fault.delay_ms for fault in drawn} == set(range(3, 10))


def test_a_cleared_plan_is_empty() -> None:
    house = planned(Fault(kind=FaultKind.REJECT))
    house.broker.apply(PlanFaults(at=house.at, clear=True))
    assert house.broker.state.faults.is_empty()
    assert house.buy().done


def test_latency_is_data_split_over_the_way_in_and_the_way_out() -> None:
    house = quoted_house(BrokerProfile(latency_ms=(31, 31)))
    fault = house.broker.decide_fault(request("deal"), house.at)
    assert (fault.delay_ms, fault.answer_delay_ms) == (15, 16)


def test_without_plan_and_latency_nothing_is_decided_and_nothing_logged() -> None:
    house = quoted_house()
    length = len(house.log)
    assert house.broker.decide_fault(request("deal"), house.at) is NO_FAULT
    assert len(house.log) == length


def test_faults_may_come_from_outside_and_see_the_request() -> None:
    class OnlyYen:
        def next_fault(self, request: TradeRequest) -> Fault:
            return Fault(kind=FaultKind.REJECT) if request.symbol == "USDJPY" else NO_FAULT

    house = quoted_house(faults=OnlyYen())
    assert house.buy(symbol="USDJPY").retcode == Retcode.REJECT
    assert house.buy().done
