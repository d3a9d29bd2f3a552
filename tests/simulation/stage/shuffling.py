"""Leaders' signals in another order than their trades had: a terminal tells of its transactions in any order."""

import msgspec

from kopitra.protocol.headers import IDEMPOTENCY_KEY
from kopitra.simulation.draws import SeededDraws
from kopitra_agent.ports.transport import Request, Response

SIGNALS_PATH = "/signals"

ACCEPTED = 202

Order = tuple[int, ...]
"""By place in the request that arrives: the place in the one that was sent."""


class _Batch(msgspec.Struct):
    signals: list[msgspec.Raw]


class _Results(msgspec.Struct):
    results: list[msgspec.Raw]


class Shuffler:
    """What is shuffled once is the same under every repetition of its request."""

    def __init__(self) -> None:
        self._waiting: dict[str, SeededDraws] = {}
        self._orders: dict[str, Order] = {}

    def shuffle_next(self, account: str, draws: SeededDraws) -> None:
        """The next signals of the account that travel together."""
        self._waiting[account] = draws

    def calm(self) -> None:
        self._waiting.clear()

    def order_of(self, account: str, request: Request) -> tuple[Order | None, bool]:
        """In which order the signals of a request arrive, None for that in which they were sent; and whether this is
        new."""
        if not request.path.endswith(SIGNALS_PATH) or request.body is None:
            return None, False
        key = request.headers[IDEMPOTENCY_KEY]
        if key in self._orders or account not in self._waiting:
            return self._orders.get(key), False
        number = len(msgspec.json.decode(request.body, type=_Batch).signals)
        order = _drawn(number, self._waiting[account])
        if order == tuple(range(number)):
            return None, False
        del self._waiting[account]
        self._orders[key] = order
        return order, True


def _drawn(number: int, draws: SeededDraws) -> Order:
    left = list(range(number))
    return tuple(left.pop(draws.below(len(left))) for _ in range(number))


def arriving(request: Request, order: Order) -> Request:
    assert request.body is not None
    sent = msgspec.json.decode(request.body, type=_Batch).signals
    body = msgspec.json.encode(_Batch([sent[place] for place in order]))
    return msgspec.structs.replace(request, body=body)


def returning(response: Response, order: Order) -> Response:
    """The answers in the order in which their sender asked."""
    if response.status != ACCEPTED:
        return response
    came = msgspec.json.decode(response.body, type=_Results).results
    results = [came[order.index(place)] for place in range(len(order))]
    return msgspec.structs.replace(response, body=msgspec.json.encode(_Results(results)))
