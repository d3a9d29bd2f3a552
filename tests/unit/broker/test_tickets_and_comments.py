"""What brokers do to tickets, magic numbers and comments."""

import pytest

from kopitra.domain.orders import DealReason
from kopitra.simulation.broker.profiles import (
    COMMENTS_CUT,
    COMMENTS_DROPPED,
    MT4,
    MT5,
    PROFILES,
    BrokerProfile,
    CommentPolicy,
)
from tests.unit.broker.house import D, House, quoted_house

COMMENT = "K1abcdefghij234567"


def test_mt4_gives_what_a_partial_close_leaves_a_new_ticket_and_keeps_the_position_id() -> None:
    house = quoted_house(MT4)
    first = house.buy("1", magic=5, comment=COMMENT).position_ticket
    result = house.close(first, "0.4", magic=5)
    rest = house.position
    assert result.remainder_ticket == rest.ticket != first
    assert result.position_ticket == first
    assert (rest.position_id, rest.volume, rest.magic) == (first, D("0.6"), 5)
    assert rest.comment == f"from #{first}"
    assert house.broker.state.deals[-1].comment == f"to #{rest.ticket}"
    assert house.close(first, "0.1").retcode == 10036
    again = house.close(rest.ticket, "0.1")
    assert again.remainder_ticket == house.position.ticket
    assert house.position.position_id == first


def test_mt4_closes_carry_the_positions_magic_whoever_closes() -> None:
    house = quoted_house(MT4)
    ticket = house.buy("1", magic=5).position_ticket
    house.by_hand(position=ticket)
    assert house.broker.state.deals[-1].magic == 5


def test_mt5_keeps_the_ticket_and_a_close_by_hand_carries_magic_0() -> None:
    house = quoted_house(MT5)
    ticket = house.buy("1", magic=5).position_ticket
    result = house.close(ticket, "0.4", magic=5)
    assert result.remainder_ticket is None
    assert house.position.ticket == ticket
    house.by_hand(position=ticket)
    deal = house.broker.state.deals[-1]
    assert (deal.magic, deal.reason, deal.position_id) == (0, DealReason.CLIENT, ticket)


@pytest.mark.parametrize(
    ("profile", "stored"),
    [(MT5, COMMENT), (COMMENTS_DROPPED, ""), (COMMENTS_CUT, COMMENT[:8])],
    ids=["kept", "dropped", "cut"],
)
def test_comments_are_kept_dropped_or_cut(profile: BrokerProfile, stored: str) -> None:
    house = quoted_house(profile)
    house.buy("1", comment=COMMENT)
    assert house.position.comment == stored
    assert house.broker.state.deals[-1].comment == stored


def test_no_broker_keeps_more_than_31_characters() -> None:
    house = quoted_house(MT5)
    house.buy("1", comment="x" * 40)
    assert house.position.comment == "x" * 31


def _stopped(profile: BrokerProfile) -> House:
    house = quoted_house(profile)
    house.buy("1", comment=COMMENT, stop_loss="1.09000")
    house.quote("EURUSD", "1.09000", "1.09010")
    return house


def test_mt4_appends_the_mark_of_a_stop_and_mt5_replaces_the_comment_by_it() -> None:
    assert _stopped(MT4).broker.state.deals[-1].comment == COMMENT + "[sl]"
    assert _stopped(MT5).broker.state.deals[-1].comment == "[sl]"
    kept = BrokerProfile(comments=CommentPolicy(on_stop="keep"))
    assert _stopped(kept).broker.state.deals[-1].comment == COMMENT


def test_an_appended_mark_never_makes_a_comment_too_long() -> None:
    policy = CommentPolicy(on_stop="append")
    assert policy.of_stop("y" * 31, DealReason.TAKE_PROFIT) == "y" * 27 + "[tp]"
    assert policy.of_stop("plain", DealReason.CLIENT) == "plain"


def test_every_profile_has_the_name_it_is_found_by() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {name: name for name in PROFILES}
