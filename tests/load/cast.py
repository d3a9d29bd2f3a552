"""Leaders and followers with live sessions, made by the machine: no HTTP, no memory-hard hashes, a second for 1,000."""

import base64
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from itertools import count

from kopitra.application.part_sets import catalog_digest
from kopitra.application.tokens import KeyRing, code_hash
from kopitra.domain.identifiers import AccountId, DeviceId, GroupId, SessionId, SubscriptionId, TenantId
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import ByMultiplier
from kopitra.domain.symbols import SymbolSpec
from kopitra.machine import commands
from tests.load.jobs import Seat
from tests.load.scribe import Scribe

KEY_ID = "bench"
KEY = b"k" * 32
TOKEN_KEYS = {KEY_ID: base64.b64encode(KEY).decode()}
"""Known to both sides, so that tokens can be made beforehand. Opens nothing but a bench's own journal."""
TENANT = TenantId("bench")
DEVICE = DeviceId("vps")
SYMBOLS = tuple(
    SymbolSpec(
        symbol=base + "USD",
        digits=5,
        contract_size=Decimal(100_000),
        volume_min=Decimal("0.01"),
        volume_max=Decimal(100),
        volume_step=Decimal("0.01"),
        base_currency=base,
        profit_currency="USD",
    )
    for base in ("EUR", "GBP", "AUD", "NZD")
)
RULES = CopySettings(sizing=ByMultiplier(), multiplier=Decimal("0.5"))


class Casting:
    """Publishes, enrols, opens sessions."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe
        self._keys = KeyRing(KEY_ID, {KEY_ID: KEY})
        self._revisions = count(1)

    def seat(self, name: str) -> Seat:
        """A published account with a catalogue, an enrolled device and a live session."""
        account, session = AccountId(name), SessionId(f"session-{name}")
        minted = self._keys.mint(session, f"nonce of {name}")
        code = code_hash(f"code of {name}")
        self._scribe.do(
            commands.PublishAccount(
                account=account,
                tenant=TENANT,
                revision=next(self._revisions),
                enrolment_code_hash=code,
                enrolment_expires_at=self._scribe.now + timedelta(days=1),
            ),
            commands.Enrol(code_hash=code, device=DEVICE, secret_hash=f"hash of {name}'s secret"),
            commands.TakeCatalog(account=account, symbols=SYMBOLS, digest=catalog_digest(SYMBOLS)),
            commands.OpenSession(
                account=account,
                session=session,
                device=DEVICE,
                nonce=f"nonce of {name}",
                token_hash=minted.token_hash,
                key_id=minted.key_id,
            ),
        )
        return Seat(name, minted.token)

    def copy(self, leader: Seat, followers: Iterable[Seat], rules: CopySettings = RULES) -> None:
        """Each follower copies the leader by these rules: half of its volume, unless told otherwise."""
        group = GroupId(f"group-{leader.account}")
        self._scribe.do(
            commands.PublishGroup(
                group=group,
                tenant=TENANT,
                revision=next(self._revisions),
                leaders=(AccountId(leader.account),),
            )
        )
        for follower in followers:
            self._scribe.do(
                commands.PublishSubscription(
                    subscription=SubscriptionId(f"{leader.account}-{follower.account}"),
                    tenant=TENANT,
                    revision=next(self._revisions),
                    group=group,
                    follower=AccountId(follower.account),
                    rules=rules,
                )
            )
