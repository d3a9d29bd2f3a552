"""Whether a caller is who it says: by its session token, or by its device's secret."""

import re
from hashlib import blake2b
from hmac import compare_digest

from kopitra.application.engine import Engine
from kopitra.application.ports.secrets import SecretHashes
from kopitra.application.ports.timing import Clock
from kopitra.application.tokens import token_hash
from kopitra.domain.identifiers import AccountId, DeviceId
from kopitra.machine.leases import lease_end, renew
from kopitra.machine.state import Account, Session, State
from kopitra.protocol.limits import MAX_ACCOUNT_LENGTH
from kopitra.protocol.problems import Code, rejected
from kopitra_counterparty.exchange import ACCOUNT, AUTHORIZATION, Request
from kopitra_counterparty.failures import Failures

ACCOUNT_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:@-]{{0,{MAX_ACCOUNT_LENGTH - 1}}}")
BEARER = b"bearer "
FINGERPRINT_KEY_BYTES = 32


def account_of(request: Request) -> AccountId:
    """The account header. Raises Rejected."""
    raw = request.headers.get(ACCOUNT)
    if raw is None:
        raise rejected(Code.ACCOUNT_HEADER_MISSING)
    name = raw.decode("latin-1").strip()
    if not ACCOUNT_ID.fullmatch(name):
        raise rejected(
            Code.ACCOUNT_HEADER_INVALID,
            f"an account id has 1 to {MAX_ACCOUNT_LENGTH} letters, digits and . _ : @ -",
        )
    return AccountId(name)


class Tokens:
    """Session tokens. Every call that shows a live one renews its lease, in memory."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def authenticate(self, request: Request) -> tuple[Account, Session]:
        """Raises Rejected."""
        name = account_of(request)
        presented = token_hash(_bearer(request))
        state, readings = self._engine.state, self._engine.readings
        account = state.accounts.get(name)
        session = account.session if account is not None else None
        if account is None or session is None or not compare_digest(session.token_hash, presented):
            if _somebodys(state, presented):
                raise rejected(Code.ACCOUNT_MISMATCH)
            raise rejected(Code.TOKEN_INVALID)
        now = self._clock.now()
        if lease_end(name, session, readings) <= now:
            raise rejected(Code.TOKEN_INVALID, "the session's lease has run out")
        renew(name, session, readings, now)
        readings.contacts[name] = now
        return account, session

    def ended(self, request: Request) -> Account | None:
        """The account whose recent, ended session had this token: it may only repeat its release. Raises Rejected."""
        name = account_of(request)
        presented = token_hash(_bearer(request))
        account = self._engine.state.accounts.get(name)
        if account is None:
            return None
        hashes = account.ended_sessions.values()
        return account if any(compare_digest(known, presented) for known in hashes) else None


class Secrets:
    """Secrets of devices. A secret that was verified once is recognised by a keyed fingerprint, so that a thousand
    terminals that come back need no thousand memory-hard hashes; the fingerprints live in memory only."""

    def __init__(
        self, engine: Engine, hashes: SecretHashes, failures: Failures, fingerprint_key: bytes
    ) -> None:
        self._engine = engine
        self._hashes = hashes
        self._failures = failures
        self._key = fingerprint_key
        self._verified: dict[tuple[AccountId, DeviceId], tuple[str, bytes]] = {}

    async def verify(self, name: AccountId, device: DeviceId | None, secret: str) -> DeviceId:
        """The device whose secret this is. Raises Rejected: alike for a wrong secret and an unknown account, in words
        and in time."""
        found = self._device(name, device)
        fingerprint = self._fingerprint(secret)
        if found is not None and self._is_known(name, *found, fingerprint):
            return found[0]
        pause = self._failures.pause(name)
        if pause:
            raise rejected(Code.TOO_MANY_FAILURES, retry_after=pause)
        secret_hash = found[1] if found is not None else self._hashes.decoy
        matches = await self._hashes.verify(secret_hash, secret)
        if not matches or found is None:
            self._failures.note(name)
            raise rejected(Code.CREDENTIALS_INVALID)
        self._failures.clear(name)
        self._verified[name, found[0]] = (secret_hash, fingerprint)
        return found[0]

    def _device(self, name: AccountId, device: DeviceId | None) -> tuple[DeviceId, str] | None:
        """The device and its secret's hash; a client that names no device is its account's only one."""
        account = self._engine.state.accounts.get(name)
        if account is None:
            return None
        if device is None and len(account.devices) == 1:
            device = next(iter(account.devices))
        known = account.devices.get(device) if device is not None else None
        return (device, known.secret_hash) if device is not None and known is not None else None

    def _is_known(self, name: AccountId, device: DeviceId, secret_hash: str, fingerprint: bytes) -> bool:
        known = self._verified.get((name, device))
        return known is not None and known[0] == secret_hash and compare_digest(known[1], fingerprint)

    def _fingerprint(self, secret: str) -> bytes:
        return blake2b(secret.encode("utf-8", "surrogatepass"), key=self._key).digest()


def _bearer(request: Request) -> str:
    """Raises Rejected."""
    authorization = request.headers.get(AUTHORIZATION, b"")
    if authorization[: len(BEARER)].lower() != BEARER:
        raise rejected(Code.TOKEN_MISSING)
    return authorization[len(BEARER) :].strip().decode("latin-1")


def _somebodys(state: State, presented: str) -> bool:
    """Whether the token is another account's. Looked for on the way to a refusal only; comparing hashes of what is
    presented tells nothing about a token, however long it takes."""
    return any(
        account.session is not None and account.session.token_hash == presented
        for account in state.accounts.values()
    )
