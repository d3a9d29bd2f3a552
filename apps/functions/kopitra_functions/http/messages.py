"""The two shapes of the management side's own messages: what is asked, and what is shown."""

from kopitra.protocol.messages import Message


class Asked(Message, frozen=True, forbid_unknown_fields=True):
    """A body. A field that is silently ignored costs money: unknown ones are refused."""


class Shown(Message, frozen=True, omit_defaults=False):
    """An answer: every field is there, `null` where there is no value."""
