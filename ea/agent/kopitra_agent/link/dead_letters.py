"""Where that goes which the counterparty will never accept: kept for people, never retried."""

import msgspec
import structlog

from kopitra_agent.link.line import Refused
from kopitra_agent.ports.storage import Storage, StorageFailed
from kopitra_agent.ports.timing import Clock

DEAD_LETTER_LOG = "dead-letters.log"

log: structlog.stdlib.BoundLogger = structlog.get_logger("kopitra.agent")


class DeadLetters:
    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def put(self, path: str, body: bytes, refused: Refused) -> None:
        """`body` is the JSON that was refused."""
        log.error("dead_letter", path=path, status=refused.status, code=refused.code)
        letter = {
            "at": self._clock.now(),
            "path": path,
            "refusal": str(refused),
            "body": msgspec.Raw(body),
        }
        try:
            self._storage.append(DEAD_LETTER_LOG, msgspec.json.encode(letter))
        except StorageFailed as error:
            log.warning("dead_letter.lost", error=str(error), body=body.decode(errors="replace"))
