"""What each kind of task is told. Unknown parameters are refused: a filter that is silently ignored misleads."""

from datetime import datetime
from typing import Literal

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra.simulation.whatif.plan import WhatIfPlan

MOST_DAYS = 3_660
"""Ten years: longer ago there was nothing."""
LEAST_DAYS_KEPT = 30
"""Nobody purges the month that is being accounted for."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of one kind of task."""


class FullResync(Parameters, frozen=True):
    reason: str = "operator"


class ReconcileFollower(Parameters, frozen=True):
    account: AccountId


class Rebuild(Parameters, frozen=True):
    """Of every tenant: the journal is one."""


class Export(Parameters, frozen=True):
    """`since` ≤ time < `until`: of an execution when it was recorded, of a trade when it was planned."""

    what: Literal["executions", "trades", "decisions"]
    since: datetime
    until: datetime
    format: Literal["csv", "json"] = "csv"
    account: AccountId | None = None
    """The follower's; None: of all."""


class Purge(Parameters, frozen=True):
    """Delete what is older than so many days, beyond what retention deletes by itself."""

    what: Literal["events", "samples", "notifications"]
    older_than_days: int


class WhatIf(Parameters, frozen=True):
    """`statement`: what the upload was answered with. `timezone`: of its server."""

    statement: str
    settings: WhatIfPlan
    timezone: str = "UTC"
