"""Limits that decisions keep, whatever transport carries the requests."""

LEASE_TTL_SECONDS = 180
"""One and a half of the 120 s between explicit heartbeats: one lost heartbeat does not end a session."""
IDEMPOTENCY_KEYS_PER_ACCOUNT = 10_000
"""Memory: about 5 MiB an account at worst, with answers of a few hundred bytes."""
IDEMPOTENCY_HOURS = 24
MAX_FOLLOWERS_PER_LEADER = 5_000
"""Tested: one signal's plan for so many followers still fits one commit of the journal."""
MAX_COPIES_OF_A_POSITION = 20_000
"""All legs and followers together: what the close of a netting leader's position must be able to close in one event,
which has to fit one commit of the journal (3 MiB, compressed)."""
MAX_CHAIN_DEPTH = 3
"""Copies of copies: each hop adds delay and drift, and a longer chain is nearly always a mistake."""
MAX_DEVICES_PER_ACCOUNT = 8
"""A live terminal, its stand-by, and room for a few replaced machines; each is one more secret that could leak."""
ENDED_SESSIONS_KEPT = 32
"""Each lets one dead token have its replayed release answered; older ones get 401."""
SPENT_CODES_KEPT = 64
"""Used enrolment codes of an account that no publication can bring back to life."""
ENROLMENT_CODE_HOURS = 72
"""Life of a code that was published without an expiry: over a week-end, not over a holiday."""
DECIDED_PROPOSALS_KEPT = 256
"""Their ids: a repeated decision is known for as long as a console may still ask, and idempotency keys go first."""
