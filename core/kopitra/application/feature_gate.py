"""Keeps operators' commands from the engine whose feature is switched off, whichever way they come."""

from collections.abc import Iterable, Sequence

from kopitra.application.engine import Engine
from kopitra.application.features import DEFERRED_REPLAY, OPERATOR_ORDERS
from kopitra.application.ports.feature_flags import FeatureFlags, Flag
from kopitra.application.submission import Outcome, Remember
from kopitra.domain.identifiers import RequestId
from kopitra.domain.trading import REDUCING
from kopitra.machine.commands import Command, DecideProposal, PlaceOperatorOrder
from kopitra.machine.events import ProposalKind
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import State


class FeatureGate:
    """The engine, as operators' commands reach it."""

    def __init__(self, engine: Engine, flags: FeatureFlags) -> None:
        self._engine = engine
        self._flags = flags

    async def submit(
        self,
        commands: Iterable[Command],
        *,
        request_id: RequestId | None = None,
        actor: str | None = None,
        remember: Remember | None = None,
    ) -> tuple[Outcome, ...]:
        """As the engine's; a command whose feature is off is refused, and the others are taken. Raises Unavailable."""
        wanted = list(commands)
        refused = [self._refusal(command) for command in wanted]

        def whole(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
            taken = iter(outcomes)
            return tuple(next(taken) if refusal is None else refusal for refusal in refused)

        outcomes = await self._engine.submit(
            [command for command, refusal in zip(wanted, refused, strict=True) if refusal is None],
            request_id=request_id,
            actor=actor,
            remember=None if remember is None else lambda outcomes: remember(whole(outcomes)),
        )
        return whole(outcomes)

    def _refusal(self, command: Command) -> Refusal | None:
        flag = _flag_of(command, self._engine.state)
        if flag is None or self._flags.enabled(flag):
            return None
        return Refusal(status=409, code="feature_disabled", detail=f"{flag.name} is switched off.")


def _flag_of(command: Command, state: State) -> Flag | None:
    match command:
        case PlaceOperatorOrder() if command.action not in REDUCING:
            return OPERATOR_ORDERS
        case DecideProposal(approve=True):
            account = state.accounts.get(command.account)
            proposal = account.proposals.get(command.proposal) if account is not None else None
            replays = proposal is not None and proposal.kind is ProposalKind.REPLAY
            return DEFERRED_REPLAY if replays else None
        case _:
            return None
