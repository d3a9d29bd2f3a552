"""How a device comes to its secret: once, by an operator's code; from then on from its state folder."""

import msgspec

from kopitra.domain.identifiers import DeviceId
from kopitra.protocol.messages import EnrolmentAnswer, EnrolmentRequest
from kopitra_agent.link.backoff import Backoff
from kopitra_agent.link.exchange import Call, Exchange, asked_pause, problem_of
from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.storage import Storage
from kopitra_agent.ports.timing import Sleeper
from kopitra_agent.ports.transport import TransportError
from kopitra_agent.settings import AgentSettings

SECRET_FILE = "secret.json"
ATTEMPT_FILE = "enrolment.json"
CREATED = 201
RETRIED = frozenset({408, 425, 429})


class EnrolmentRefused(Exception):
    """The counterparty does not accept the enrolment code (used, expired or unknown); a new one is needed."""


class NoSecret(Exception):
    """Neither a secret nor an enrolment code is known; one of them must be set."""


class _Attempt(msgspec.Struct, frozen=True):
    code: str
    key: str


async def secret_of(
    settings: AgentSettings, storage: Storage, exchange: Exchange, sleeper: Sleeper, ids: IdSource
) -> str:
    """The device's secret: kept, set, or enrolled for. Raises EnrolmentRefused or NoSecret."""
    kept = storage.read(SECRET_FILE)
    if kept is not None:
        answer = msgspec.json.decode(kept, type=EnrolmentAnswer)
        if answer.account == settings.account:
            return answer.secret
    if settings.secret is not None:
        return settings.secret
    if settings.enrolment_code is None:
        raise NoSecret("set secret or enrolment_code")
    answer = await _enrol(settings, _attempt(settings.enrolment_code, storage, ids), exchange, sleeper, ids)
    storage.write(SECRET_FILE, msgspec.json.encode(answer))
    return answer.secret


def _attempt(code: str, storage: Storage, ids: IdSource) -> _Attempt:
    """The key is kept before the code is spent: after a crash the same key fetches the same secret again."""
    kept = storage.read(ATTEMPT_FILE)
    attempt = msgspec.json.decode(kept, type=_Attempt) if kept is not None else None
    if attempt is None or attempt.code != code:
        attempt = _Attempt(code, ids.new())
        storage.write(ATTEMPT_FILE, msgspec.json.encode(attempt))
    return attempt


async def _enrol(
    settings: AgentSettings, attempt: _Attempt, exchange: Exchange, sleeper: Sleeper, ids: IdSource
) -> EnrolmentAnswer:
    request = EnrolmentRequest(
        code=attempt.code, device_id=DeviceId(settings.device_id), platform=settings.platform
    )
    call = Call(method="POST", path="/enrolments", key=attempt.key, body=msgspec.json.encode(request))
    backoff = Backoff(ids)
    while True:
        try:
            response = await exchange.once(call)
        except TransportError:
            await sleeper.sleep(backoff.next())
            continue
        if response.status == CREATED:
            return msgspec.json.decode(response.body, type=EnrolmentAnswer)
        if response.status < 500 and response.status not in RETRIED:
            problem = problem_of(response)
            raise EnrolmentRefused(problem.detail or problem.code if problem else str(response.status))
        await sleeper.sleep(backoff.next(asked_pause(response)))
