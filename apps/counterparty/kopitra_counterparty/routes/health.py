"""Whether this instance lives, and whether it may be given work."""

from collections.abc import Awaitable, Callable

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.ports.timing import Clock
from kopitra.application.submission import Phase, Unavailable
from kopitra.domain.instants import rfc3339
from kopitra_counterparty.exchange import Call, Reply
from kopitra_counterparty.ports import Probe

Details = Callable[[Call], Awaitable[bool]]
"""Whether the caller may see more than the status."""


async def nobody(call: Call) -> bool:
    return False


class Health:
    """`probes` by dependency; `build` and `epoch` name what is running."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        probes: dict[str, Probe],
        build: str,
        epoch: Callable[[], int],
        details: Details,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._probes = probes
        self._build = build
        self._epoch = epoch
        self._details = details

    async def ready(self, call: Call, message: object) -> Reply:
        status = self._status()
        body = self._said(status)
        if await self._details(call):
            body |= {"epoch": self._epoch(), "sequence": self._engine.committed}
            body["probes"] = {name: await _result(probe) for name, probe in self._probes.items()}
        return Reply(200 if status == Phase.SERVING else 503, msgspec.json.encode(body))

    async def live(self, call: Call, message: object) -> Reply:
        """Answering at all is what is asked."""
        return Reply(200, msgspec.json.encode(self._said("live")))

    def _said(self, status: str) -> dict[str, object]:
        """What everybody may know. The build is a hash: a deployment waits for it, a stranger learns nothing by it."""
        return {"status": status, "build": self._build, "serverTime": rfc3339(self._clock.now())}

    def _status(self) -> str:
        try:
            self._engine.require_serving()
        except Unavailable as error:
            return error.code
        return str(Phase.SERVING)


async def _result(probe: Probe) -> dict[str, str]:
    problem = await probe()
    return {"status": "ok"} if problem is None else {"status": "failed", "detail": problem}
