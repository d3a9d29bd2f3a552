"""Every limit of the wire, named (protocol.md, "Headers")."""

BASE_PATH = "/trade-agent/v1"
MAX_BODY_BYTES = 256 * 1024
MAX_BATCH_EVENTS = 500
MAX_BATCH_SIGNALS = 100
MAX_BATCH_DECISIONS = 100
"""A screenful: each is decided on its own, and answered in one commit's time."""
MAX_SYMBOL_LENGTH = 60
MAX_JSON_DEPTH = 32
MAX_ID_LENGTH = 128
MAX_TEXT_LENGTH = 512
MAX_IDEMPOTENCY_KEY_LENGTH = 255
MAX_OUTBOX_LIMIT = 500
DEFAULT_OUTBOX_LIMIT = 100
MAX_WAIT_SECONDS = 25
"""Below the 230 s at which App Service cuts idle connections, and below common proxies' 30 s."""
REDELIVER_AFTER_SECONDS = 30
HEARTBEAT_SECONDS = 120
MAX_DECIMAL_DIGITS = 18
MAX_DECIMAL_PLACES = 10
MAX_LOG_LIMIT = 500
CLOCK_SKEW_INCIDENT_SECONDS = 2
MAX_WHOLE_NUMBER = 2**63 - 1
"""Tickets and magic numbers are 64 bits in every terminal; what the journal's encoding holds."""
MAX_DURATION_MS = 366 * 86_400_000
"""A year: an agent that held something longer has lost its clock."""
MAX_FIELD_ERRORS = 20
"""Errors listed in one problem; more say nothing new."""
MAX_ACCOUNT_LENGTH = 64
MAX_SET_PARTS = 64
"""Parts of one snapshot or catalogue: 64 × 256 KiB holds some 80,000 positions."""
DEFAULT_PREVIEW_EVENTS = 200
"""A busy leader's day."""
MAX_PREVIEW_EVENTS = 1_000
"""Each is decided twice for every follower that a change concerns."""
