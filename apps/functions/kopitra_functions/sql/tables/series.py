"""What is left of samples after an hour: how often each value came."""

from sqlalchemy import Index, Table

from kopitra_functions.sql.columns import document, id_, moment, tenant, whole, word
from kopitra_functions.sql.metadata import metadata

rollups = Table(
    "rollups",
    metadata,
    tenant(key=True),
    word("series", key=True),
    id_("subject", key=True),
    moment("begins_at", key=True),
    whole("number", required=True),
    document("counts", required=True),
    Index(None, "tenant", "series", "begins_at"),
    Index(None, "begins_at"),
)
"""One hour of one series. `subject`: a latency's stage, or the symbol of a slippage; `counts`: value → how often, so
that hours add up to days and their percentiles stay percentiles; `number`: of them all."""
