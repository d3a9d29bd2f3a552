"""Which procedure carries out which action."""

from collections.abc import Awaitable, Callable

from kopitra.domain.trading import OrderAction
from kopitra_agent.hand.cancelling import cancel_copy
from kopitra_agent.hand.changing import modify_copy
from kopitra_agent.hand.closing import close_copy
from kopitra_agent.hand.floor import Floor
from kopitra_agent.hand.offsetting import offset_net
from kopitra_agent.hand.opening import open_copy
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.worklist import Work

PROCEDURES: dict[OrderAction, Callable[[Floor, Work], Awaitable[Outcome]]] = {
    OrderAction.OPEN: open_copy,
    OrderAction.MODIFY: modify_copy,
    OrderAction.PARTIAL_CLOSE: close_copy,
    OrderAction.CLOSE: close_copy,
    OrderAction.CANCEL: cancel_copy,
    OrderAction.OFFSET: offset_net,
}
