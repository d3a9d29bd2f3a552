"""An operator's one-time code becomes a device's secret."""

from collections.abc import Sequence

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.ports.secrets import SecretHashes
from kopitra.application.submission import Outcome
from kopitra.application.tokens import KeyRing, code_hash
from kopitra.domain.identifiers import AccountId, DeviceId
from kopitra.machine.commands import Enrol
from kopitra.machine.decisions.enrolment import REFUSED
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import Account, AnsweredKey
from kopitra.protocol.messages import EnrolmentAnswer, EnrolmentRequest
from kopitra_counterparty.desk import Desk
from kopitra_counterparty.exchange import Call, Reply, of_refusal
from kopitra_counterparty.gate import Read

_request = msgspec.json.Decoder(EnrolmentRequest)


class KeptEnrolment(msgspec.Struct, frozen=True):
    """What the journal keeps of an answer: all that the secret is made of, but not the secret."""

    account: AccountId
    code_hash: str
    device: DeviceId
    key_id: str


class Enrolments:
    def __init__(self, *, desk: Desk, engine: Engine, hashes: SecretHashes, keys: KeyRing) -> None:
        self._desk = desk
        self._engine = engine
        self._hashes = hashes
        self._keys = keys

    def read(self, call: Call) -> Read:
        body = call.json()
        return Read(body.read(_request), body.normal())

    async def owner(self, call: Call, message: EnrolmentRequest) -> Account:
        """The account whose code this is or was: a used code leads to the answer that it got. Raises Rejected."""
        state, wanted = self._engine.state, code_hash(message.code)
        name = state.codes.get(wanted)
        if name is not None:
            return state.accounts[name]
        for account in state.accounts.values():
            if wanted in account.spent_codes:
                return account
        raise of_refusal(REFUSED)

    async def enrol(self, call: Call, message: EnrolmentRequest) -> Reply:
        assert call.key is not None
        wanted, key_id = code_hash(message.code), self._keys.current
        secret = self._keys.enrolment_secret(wanted, message.device_id, call.key, key_id)
        assert secret is not None
        command = Enrol(
            code_hash=wanted,
            device=message.device_id,
            secret_hash=await self._hashes.hash(secret),
            platform=message.platform,
        )

        def compose(outcomes: Sequence[Outcome]) -> Reply:
            (outcome,) = outcomes
            if isinstance(outcome, Refusal):
                return self._desk.refused(call, outcome)
            kept = KeptEnrolment(call.known_account, wanted, message.device_id, key_id)
            answer = EnrolmentAnswer(account=call.known_account, secret=secret)
            return Reply(201, msgspec.json.encode(answer), kept=msgspec.json.encode(kept))

        return await self._desk.submit(call, (command,), compose)

    def unseal(self, call: Call, kept: AnsweredKey) -> bytes | None:
        """The first body with the very same secret."""
        assert call.key is not None
        sealed = msgspec.json.decode(kept.body, type=KeptEnrolment)
        secret = self._keys.enrolment_secret(sealed.code_hash, sealed.device, call.key, sealed.key_id)
        if secret is None:
            return None
        return msgspec.json.encode(EnrolmentAnswer(account=sealed.account, secret=secret))
