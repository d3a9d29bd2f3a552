"""What a subscription's settings cannot do on a follower that nets (docs/decisions/0156).

Such an account has one position a symbol. What a setting asks of single positions is refused there by name, so that
nobody counts on it.
"""

from collections.abc import Iterator

import msgspec

from kopitra.domain.rules import CopyRules, ManualClose, UnknownPosition


class SettingNote(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """`path`: the setting's published name; `code`: stable, for programs; `message`: for people."""

    path: str
    code: str
    message: str


ADOPTS_NOTHING = SettingNote(
    "unknownPosition",
    "net_adopts_nothing",
    "adopt does nothing on a netting account: what its owner trades is one volume with his copies and never touched",
)
EXCESS_IS_THE_OWNERS = SettingNote(
    "onDrift",
    "net_excess_is_the_owners",
    "on a netting account only stops, and prices of resting orders, can drift: volume beyond the copies is the owner's",
)
REOPENS_WHAT_WAS_TOLD = SettingNote(
    "manualClose",
    "net_reopens_what_was_told",
    "on a netting account a copy is opened again only if the deals that closed it were told, and all made by hand",
)


def notes_on_netting(rules: CopyRules) -> Iterator[SettingNote]:
    if rules.unknown_position is UnknownPosition.ADOPT:
        yield ADOPTS_NOTHING
    if rules.manual_close is ManualClose.REOPEN:
        yield REOPENS_WHAT_WAS_TOLD
    yield EXCESS_IS_THE_OWNERS
