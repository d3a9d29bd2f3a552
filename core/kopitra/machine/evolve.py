"""Apply a recorded event to the state: one table, one function for each event.

Events hold results, so nothing here sizes, decides, or reads a clock. An error is a defect of an event or of a handler
and leaves the state between two sequences: whoever applies an event first (before it is appended) discards that state.
"""

from collections.abc import Callable
from typing import Any

from kopitra.machine import events
from kopitra.machine.events import Event, Recorded
from kopitra.machine.evolutions import answers, configuration, sessions, telemetry
from kopitra.machine.evolutions.copying import COPYING
from kopitra.machine.spans import span
from kopitra.machine.state import State

Evolution = Callable[[State, Any, Recorded], None]


class OutOfPlace(Exception):
    """The event does not continue the state: one is missing, repeated, or covers another span than it was given."""


EVOLUTIONS: dict[type[Event], Evolution] = {
    events.AccountConfigured: configuration.account_configured,
    events.GroupConfigured: configuration.group_configured,
    events.SubscriptionConfigured: configuration.subscription_configured,
    events.SettingsConfigured: configuration.settings_configured,
    events.StaleIgnored: configuration.stale_ignored,
    events.Enrolled: configuration.enrolled,
    events.SessionOpened: sessions.session_opened,
    events.SessionEnded: sessions.session_ended,
    events.SessionApproved: sessions.session_approved,
    events.InboxRecorded: telemetry.inbox_recorded,
    events.CatalogKept: telemetry.catalog_kept,
    events.BalanceChanged: telemetry.balance_changed,
    events.MarginModeKnown: telemetry.margin_mode_known,
    events.ResyncRequested: telemetry.resync_requested,
    events.ConsumerCheckpointed: telemetry.consumer_checkpointed,
    events.RequestAnswered: answers.request_answered,
    **COPYING,
}


def evolve(state: State, recorded: Recorded) -> None:
    """Apply one event. Raises OutOfPlace (nothing changed); any other error leaves the state unusable."""
    if recorded.sequence != state.sequence + 1:
        raise OutOfPlace(f"sequence {recorded.sequence} cannot follow {state.sequence}")
    if recorded.last != recorded.sequence + span(recorded.event) - 1:
        raise OutOfPlace(f"the event at sequence {recorded.sequence} does not end at {recorded.last}")
    EVOLUTIONS[type(recorded.event)](state, recorded.event, recorded)
    state.sequence = recorded.last
