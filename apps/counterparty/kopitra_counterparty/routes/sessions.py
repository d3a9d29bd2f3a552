"""Opening and releasing an account's session."""

from collections.abc import Sequence

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock
from kopitra.application.submission import Outcome
from kopitra.application.tokens import KeyRing
from kopitra.domain.identifiers import SessionId
from kopitra.domain.instants import rfc3339
from kopitra.machine.commands import EndSession, OpenSession
from kopitra.machine.events import SessionEnd
from kopitra.machine.leases import renew
from kopitra.machine.outbox import resume_cursor
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import Account, AnsweredKey
from kopitra.protocol.limits import HEARTBEAT_SECONDS
from kopitra.protocol.messages import ReleaseAnswer, SessionAnswer, SessionRequest
from kopitra.protocol.problems import Code, rejected
from kopitra_counterparty.credentials import Secrets
from kopitra_counterparty.desk import Desk
from kopitra_counterparty.exchange import Call, Reply
from kopitra_counterparty.gate import Read

NONCE_BYTES = 16
RELEASED = msgspec.json.encode(ReleaseAnswer())

_request = msgspec.json.Decoder(SessionRequest)


class KeptSession(msgspec.Struct, frozen=True):
    """What the journal keeps of an answer: everything but the token, and what the token is made of."""

    answer: SessionAnswer
    nonce: str
    key_id: str


class Sessions:
    def __init__(
        self,
        *,
        desk: Desk,
        engine: Engine,
        secrets: Secrets,
        keys: KeyRing,
        clock: Clock,
        ids: IdSource,
        lease_seconds: int,
    ) -> None:
        self._desk = desk
        self._engine = engine
        self._secrets = secrets
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._lease_seconds = lease_seconds

    def read(self, call: Call) -> Read:
        body = call.json()
        return Read(body.read(_request), body.normal())

    async def owner(self, call: Call, message: SessionRequest) -> Account:
        """Raises Rejected unless the secret is the account's."""
        name = call.known_account
        call.extra = await self._secrets.verify(name, message.device_id, message.secret)
        account = self._engine.state.accounts.get(name)
        if account is None:
            raise rejected(Code.CREDENTIALS_INVALID)
        return account

    async def open(self, call: Call, message: SessionRequest) -> Reply:
        account, session = call.known_account, SessionId(self._ids.new())
        nonce = self._ids.token_bytes(NONCE_BYTES).hex()
        minted = self._keys.mint(session, nonce)
        command = OpenSession(
            account=account,
            session=session,
            device=call.extra,
            nonce=nonce,
            token_hash=minted.token_hash,
            key_id=minted.key_id,
            client_version=message.client_version,
            platform=message.platform,
            capabilities=tuple(message.capabilities),
            lease_seconds=self._lease_seconds,
        )

        def compose(outcomes: Sequence[Outcome]) -> Reply:
            (outcome,) = outcomes
            if isinstance(outcome, Refusal):
                return self._desk.refused(call, outcome)
            now = self._clock.now()
            owner = self._engine.state.accounts[account]
            assert owner.session is not None
            ends = renew(account, owner.session, self._engine.readings, now)
            self._engine.readings.contacts[account] = now
            answer = SessionAnswer(
                session_id=session,
                session_token=minted.token,
                status="authenticated" if owner.session.approved else "pending",
                lease_ttl_seconds=self._lease_seconds,
                lease_expires_at=rfc3339(ends),
                heartbeat_seconds=min(HEARTBEAT_SECONDS, self._lease_seconds // 2),
                resume_cursor=resume_cursor(owner, outcome.last),
                journal_id=self._engine.state.journal_id,
                server_time=rfc3339(now),
            )
            bare = msgspec.structs.replace(answer, session_token="")
            kept = KeptSession(bare, nonce, minted.key_id)
            return Reply(201, msgspec.json.encode(answer), kept=msgspec.json.encode(kept))

        return await self._desk.submit(call, (command,), compose)

    def unseal(self, call: Call, kept: AnsweredKey) -> bytes | None:
        """The first body with the very same token."""
        sealed = msgspec.json.decode(kept.body, type=KeptSession)
        token = self._keys.token_again(sealed.answer.session_id, sealed.nonce, sealed.key_id)
        if token is None:
            return None
        return msgspec.json.encode(msgspec.structs.replace(sealed.answer, session_token=token))

    async def release(self, call: Call, message: object) -> Reply:
        if call.session is None:
            raise rejected(Code.TOKEN_INVALID)
        command = EndSession(
            account=call.known_account, session=call.session.session, reason=SessionEnd.RELEASED
        )

        def compose(outcomes: Sequence[Outcome]) -> Reply:
            (outcome,) = outcomes
            if isinstance(outcome, Refusal):
                return self._desk.refused(call, outcome)
            return Reply(200, RELEASED)

        return await self._desk.submit(call, (command,), compose)
