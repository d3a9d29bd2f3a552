"""Every feature flag, once: what an app reads, and what a store of configuration may set.

Nothing that lowers exposure hangs on one: a flag never keeps anybody from closing.
"""

from kopitra.application.ports.feature_flags import Flag
from kopitra.application.ports.telemetry import Service

OPERATOR_ORDERS = Flag(
    name="operator-orders",
    default=True,
    gates="Orders of operators that open or change something; closes, cancels and flattens are always taken.",
    read_by=(Service.COUNTERPARTY,),
)
DEFERRED_REPLAY = Flag(
    name="deferred-replay",
    default=True,
    gates="Approving that an open which a follower has missed is made up for; rejecting is always possible.",
    read_by=(Service.COUNTERPARTY,),
)
WHAT_IF_UPLOADS = Flag(
    name="what-if-uploads",
    default=True,
    gates="Starting what-if runs over uploaded statements.",
    read_by=(Service.FUNCTIONS,),
)

FLAGS = (OPERATOR_ORDERS, DEFERRED_REPLAY, WHAT_IF_UPLOADS)


def unknown_flags(names: set[str], service: Service) -> list[str]:
    """Those that this service does not read: a slip of the pen, or another's."""
    return sorted(names - {flag.name for flag in FLAGS if service in flag.read_by})
