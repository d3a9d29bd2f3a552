"""Every figure that the services tell, once: what alerts, workbooks and docs/telemetry.md may name.

A histogram's percentiles do not survive on their way into Application Insights, which keeps number, sum, least and
greatest: where an alert needs one, it is a gauge of its own (docs/decisions/0185).
"""

from kopitra.application.ports.telemetry import Dimension, Instrument, Kind, Service
from kopitra.domain.trading import AckStatus
from kopitra.machine.events import Outcome

COUNTERPARTY = (Service.COUNTERPARTY,)
FUNCTIONS = (Service.FUNCTIONS,)

STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
SESSION_STATUSES = ("live", "silent", "absent")
RECONCILIATION_OUTCOMES = ("compared", "unusable", "corrected", "proposed", "stopped", "failed")
CLOSE_REFUSALS = (
    AckStatus.REJECTED,
    AckStatus.EXPIRED,
    AckStatus.SUPERSEDED,
    AckStatus.DEFERRED,
    AckStatus.UNKNOWN,
    AckStatus.FAILED,
)
FENCE_LOSSES = ("lost", "unverified")
COMMIT_OUTCOMES = ("written", "failed")
QUEUES = ("trade-agent-events", "trade-agent-history", "trade-agent-commands", "management-tasks")
DRAIN_OUTCOMES = ("written", "dead_lettered")

SIGNAL_INGESTION = Instrument(
    name="kopitra.signal.ingestion",
    kind=Kind.HISTOGRAM,
    unit="ms",
    description="From a leader's whole request to its answer, when the copies are planned and durable; of those taken.",
    told_by=COUNTERPARTY,
)
SIGNAL_INGESTION_P95 = Instrument(
    name="kopitra.signal.ingestion.p95",
    kind=Kind.GAUGE,
    unit="ms",
    description="The same of the last five minutes: 19 of 20 took at most so long. Not told where there were none.",
    told_by=COUNTERPARTY,
)
COPIES_PLANNED = Instrument(
    name="kopitra.copies.planned",
    kind=Kind.COUNTER,
    unit="{copy}",
    description="Decisions, one for each follower of each leader's event, when they are durable.",
    told_by=COUNTERPARTY,
    dimensions=(Dimension("outcome", tuple(map(str, Outcome))),),
)
EA_SESSIONS = Instrument(
    name="kopitra.ea.sessions",
    kind=Kind.GAUGE,
    unit="{account}",
    description=(
        "Enabled accounts with an enrolled device: live (heard of within a minute), silent (a session, and no word), "
        "absent (no session). Live among all of them is the EAs' uptime."
    ),
    told_by=COUNTERPARTY,
    dimensions=(Dimension("status", SESSION_STATUSES),),
)
RECONCILIATION = Instrument(
    name="kopitra.reconciliation",
    kind=Kind.COUNTER,
    unit="{event}",
    description=(
        "Books that were compared, or were unusable; and what came of them: corrected, proposed to an operator, "
        "stopped (too much would change), failed (the corrections of a copy did not help)."
    ),
    told_by=COUNTERPARTY,
    dimensions=(Dimension("outcome", RECONCILIATION_OUTCOMES),),
)
CLOSES_REFUSED = Instrument(
    name="kopitra.closes.refused",
    kind=Kind.COUNTER,
    unit="{close}",
    description="Closes, cancels and flattens that an EA did not carry out; they are driven again.",
    told_by=COUNTERPARTY,
    dimensions=(Dimension("status", tuple(map(str, CLOSE_REFUSALS))),),
)
FENCE_LOST = Instrument(
    name="kopitra.fence.lost",
    kind=Kind.COUNTER,
    unit="{loss}",
    description="The writer ceased to be it (lost), or could not prove it for three seconds (unverified).",
    told_by=COUNTERPARTY,
    dimensions=(Dimension("reason", FENCE_LOSSES),),
)
COMMIT = Instrument(
    name="kopitra.commit",
    kind=Kind.HISTOGRAM,
    unit="ms",
    description="One append to the journal.",
    told_by=COUNTERPARTY,
    dimensions=(Dimension("outcome", COMMIT_OUTCOMES),),
)
OUTBOX_PENDING = Instrument(
    name="kopitra.outbox.pending",
    kind=Kind.GAUGE,
    unit="{event}",
    description="Events that EAs have not acknowledged yet, of all accounts.",
    told_by=COUNTERPARTY,
)
REQUESTS = Instrument(
    name="kopitra.requests",
    kind=Kind.COUNTER,
    unit="{request}",
    description="HTTP requests that were answered, by the class of the status.",
    told_by=(Service.COUNTERPARTY, Service.FUNCTIONS),
    dimensions=(Dimension("status", STATUS_CLASSES),),
)
DEAD_LETTERS = Instrument(
    name="kopitra.dead_letters",
    kind=Kind.GAUGE,
    unit="{message}",
    description="Messages that were set aside and wait for an operator.",
    told_by=FUNCTIONS,
    dimensions=(Dimension("queue", QUEUES),),
)
DRAIN_ROWS = Instrument(
    name="kopitra.drain.rows",
    kind=Kind.COUNTER,
    unit="{event}",
    description="Events that drains wrote to SQL, or set aside.",
    told_by=FUNCTIONS,
    dimensions=(Dimension("outcome", DRAIN_OUTCOMES),),
)

INSTRUMENTS = (
    SIGNAL_INGESTION,
    SIGNAL_INGESTION_P95,
    COPIES_PLANNED,
    EA_SESSIONS,
    RECONCILIATION,
    CLOSES_REFUSED,
    FENCE_LOST,
    COMMIT,
    OUTBOX_PENDING,
    REQUESTS,
    DEAD_LETTERS,
    DRAIN_ROWS,
)
