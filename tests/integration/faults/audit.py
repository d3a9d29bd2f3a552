"""Whether a journal holds what was acknowledged, once each: asked of the journal's own bytes."""

from collections import Counter
from collections.abc import Iterable

from kopitra.application.tokens import token_hash
from kopitra.domain.trading import OrderAction
from kopitra.machine import events as happened
from tests.integration.faults.recorded import Record
from tests.integration.faults.traffic import Asked, sequence_of


def audit(record: Record, asked: Iterable[Asked]) -> Counter[str]:
    """Assert it all; how many answered requests of each kind were found."""
    answered = [each for each in asked if each.answer is not None]
    assert all(sequence_of(each) <= record.last for each in answered)
    _signals(record, answered)
    _executions(record, answered)
    _inbox(record, answered)
    _sessions(record, answered)
    _keys(record, answered)
    return Counter(each.kind for each in answered)


def _signals(record: Record, answered: list[Asked]) -> None:
    taken = Counter[str]()
    places: dict[str, int] = {}
    for kind in (happened.CopyPlanned, happened.SignalDeferred, happened.SignalIgnored):
        for sequence, event in record.all(kind):
            taken[event.signal.signal_id] += 1
            places[event.signal.signal_id] = sequence
    assert _more_than_once(taken) == []
    for each in answered:
        if each.kind == "signal":
            assert each.marks[0] in places, f"an acknowledged signal is missing: {each}"
            assert sequence_of(each) == places[each.marks[0]], each
    plans = [event for _, event in record.all(happened.CopyPlanned)]
    assert _more_than_once(event.run for event in plans) == []
    orders = [d.order for event in plans for d in event.decisions if d.order is not None]
    assert _more_than_once(order.command_id for order in orders) == []
    opens = [order.copy_id for order in orders if order.action is OrderAction.OPEN]
    assert _more_than_once(opens) == []


def _executions(record: Record, answered: list[Asked]) -> None:
    deals = [(str(e.execution.deal_id), sequence) for sequence, e in record.all(happened.ExecutionRecorded)]
    places = dict(deals)
    assert _more_than_once(deal for deal, _ in deals) == []
    for each in answered:
        if each.kind == "execution":
            assert places.get(each.marks[0]) == sequence_of(each), each


def _inbox(record: Record, answered: list[Asked]) -> None:
    kept = [(str(event.event_id), sequence) for sequence, event in record.all(happened.InboxRecorded)]
    places = dict(kept)
    assert _more_than_once(event_id for event_id, _ in kept) == []
    for each in answered:
        if each.kind == "inbox":
            assert all(mark in places for mark in each.marks), f"an acknowledged report is missing: {each}"
            assert places[each.marks[-1]] <= sequence_of(each), each


def _sessions(record: Record, answered: list[Asked]) -> None:
    opened = Counter(event.token_hash for _, event in record.all(happened.SessionOpened))
    ended = Counter(event.session for _, event in record.all(happened.SessionEnded))
    assert _more_than_once(opened) == []
    assert _more_than_once(ended) == []
    for each in answered:
        if each.kind == "session":
            assert each.answer is not None
            assert opened[token_hash(each.answer.json["sessionToken"])] == 1, each


def _keys(record: Record, answered: list[Asked]) -> None:
    """Each key that changed something was kept with its answer, once."""
    kept = Counter((event.account, event.key) for _, event in record.all(happened.RequestAnswered))
    assert _more_than_once(kept) == []
    for each in answered:
        if each.kind in ("signal", "inbox", "execution", "session"):
            assert kept[each.account, each.key] == 1, each  # type: ignore[index]


def _more_than_once(found: Iterable[object]) -> list[object]:
    return [thing for thing, times in Counter(found).items() if times > 1]
