"""A ticket's comment tells how it ended and which ticket it came from or went on as."""

import pytest

from kopitra.simulation.statements.remarks import Remark, remark_of
from kopitra.simulation.timeline import Reason


@pytest.mark.parametrize(
    ("comment", "meaning"),
    [
        ("", Remark()),
        ("[sl]", Remark(text="[sl]", ended=Reason.STOP_LOSS)),
        ("[tp/gap]", Remark(text="[tp/gap]", ended=Reason.TAKE_PROFIT)),
        ("[sl 1.08000]", Remark(text="[sl 1.08000]", ended=Reason.STOP_LOSS)),
        ("to #12", Remark(text="to #12", child=12)),
        ("from #11", Remark(text="from #11", parent=11)),
        ("from #11 to #12", Remark(text="from #11 to #12", parent=11, child=12)),
        ("from #11[sl/gap]", Remark(text="from #11[sl/gap]", parent=11, ended=Reason.STOP_LOSS)),
        ("from #11 [tp]", Remark(text="from #11 [tp]", parent=11, ended=Reason.TAKE_PROFIT)),
        ("split from #11", Remark(text="split from #11", parent=11)),
        ("#77 from #11[tp]", Remark(text="from #11[tp]", magic=77, parent=11, ended=Reason.TAKE_PROFIT)),
        ("partial close", Remark(text="partial close", partial=True)),
        (
            "close hedge by #9",
            Remark(text="close hedge by #9", hedged_with=9, ended=Reason.CLOSE_BY),
        ),
        ("so: 20.4%/100.1/490.0", Remark(text="so: 20.4%/100.1/490.0", ended=Reason.STOP_OUT)),
        (
            "expiration [2024.03.05 09:00]",
            Remark(text="expiration [2024.03.05 09:00]", ended=Reason.EXPIRED),
        ),
        ("deleted [no money]", Remark(text="deleted [no money]", ended=Reason.BROKER)),
        ("cancelled", Remark(text="cancelled")),
        ("#21000", Remark(magic=21000)),
    ],
)
def test_the_server_s_own_wordings(comment: str, meaning: Remark) -> None:
    assert remark_of(comment) == meaning


@pytest.mark.parametrize(
    "comment",
    [
        "grid from #2 of 5",
        "follow to #1 trader",
        "#hashtag",
        "sold all",
        "[weird]",
        "so tired",
        "close hedge by hand",
        "partial close soon",
        "from #" + "9" * 40,
        "#99999999999999999999 too long a magic number",
    ],
)
def test_a_trader_s_own_words_mean_nothing(comment: str) -> None:
    assert remark_of(comment) == Remark(text=comment)
