"""Settings files of what-if runs, as people write and mistype them."""

from pathlib import Path

import pytest

from kopitra.domain.guards import GuardKind
from kopitra.domain.orders import MarginMode
from kopitra.domain.sizing_modes import BalanceRatio
from kopitra.simulation.statements.times import zone_named
from kopitra.simulation.whatif.plan import rules_in_force
from kopitra_cli.configuration.problems import ConfigurationInvalid
from kopitra_cli.whatif.quotes import QuotesUnclear, tick_files
from kopitra_cli.whatif.settings import read_plan, together
from tests.unit.whatif.stories import D

FULL = """
latencyMs: 35
spreadPoints: 8
rates: {USDPLN: 3.95}
leader: {currency: JPY, leverage: 500, contractSizes: {jp225: 1000}}
rules: {sizing: {mode: same_volume}, copyPending: false}
guards:
  - {name: day, kind: loss, limit: 5, unit: percent, period: day}
followers:
  careful:
    currency: EUR
    deposit: 5000
    latencyMs: 120
    drawdownLimitPercent: 12.5
    broker:
      platform: mt4
      suffix: .m
      lotStep: 0.1
      spreads: {EURUSD: 6}
      slippagePoints: [0, 4]
      commissionPerLot: 3.5
      mode: netting
      stopOutPercent: null
    guards: [{name: floor, kind: equity_floor, limit: 4000, unit: money}]
    rules: {sizing: {mode: balance_ratio}, multiplier: 0.5}
  plain: {currency: USD, deposit: 1000}
"""


def told(text: str) -> str:
    with pytest.raises(ConfigurationInvalid) as refusal:
        read_plan(text, "s.yaml")
    return str(refusal.value)


def test_every_setting_has_its_place() -> None:
    plan = read_plan(FULL, "s.yaml")
    careful, plain = plan.followers["careful"], plan.followers["plain"]
    assert (plan.latency_ms, plan.spread_points, plan.rates) == (35, 8, {"USDPLN": D("3.95")})
    assert (plan.leader.currency, plan.leader.leverage, plan.leader.contract_sizes["jp225"]) == (
        "JPY",
        500,
        1000,
    )
    assert (careful.deposit, careful.latency_ms, careful.drawdown_limit_percent) == (5000, 120, D("12.5"))
    assert (careful.broker.mode, careful.broker.stop_out_percent) == (MarginMode.NETTING, None)
    assert careful.broker.slippage_points == (0, 4)
    assert (careful.guards[0].kind, plan.guards[0].limit) == (GuardKind.EQUITY_FLOOR, 5)
    assert rules_in_force(plan, careful).rules.sizing == BalanceRatio()
    assert rules_in_force(plan, careful).rules.copy_pending is False
    assert rules_in_force(plan, plain).rules.multiplier == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "s.yaml:1: expected settings: followers, …"),
        ("followers: [a]\n", "s.yaml:1: followers: expected names, each with currency, deposit and rules"),
        ("followers: {}\n", "s.yaml:1: followers: must be from 1 to 50"),
        ("followers:\n  a: 5\n", "s.yaml:2: followers.a: expected currency, deposit and rules"),
        (
            "followers:\n  a:\n    currency: USD\n    deposit: 5\n    color: red\n",
            "s.yaml:5: followers.a.color: is not a setting here",
        ),
        (
            "followers:\n  a:\n    currency: USD\n    rules: {sizing: {mode: same_volume}}\n",
            "s.yaml:2: followers.a: Object missing required field `deposit`",
        ),
        (
            "followers:\n  a: {currency: USD, deposit: 5, rules: {sizing: {mode: guess}}}\n",
            "s.yaml:2: followers.a.rules.sizing.mode: Invalid value 'guess'",
        ),
        (
            "followers:\n  a: {currency: USD, deposit: 5}\n",
            "s.yaml:2: followers.a.rules.sizing: is set neither here nor in the rules of all",
        ),
        (
            "rules: {sizing: {mode: same_volume}, multiplier: 0}\nfollowers:\n  a: {currency: USD, deposit: 5}\n",
            "s.yaml:1: rules.multiplier: must be above zero",
        ),
        (
            "followers:\n  a:\n    currency: usd\n    deposit: 0\n    rules: {sizing: {mode: same_volume}}\n",
            (
                "s.yaml:3: followers.a.currency: must be a currency's three capital letters, like USD\n"
                "s.yaml:4: followers.a.deposit: must be above zero"
            ),
        ),
        (
            "rates: {dollars: 1}\nrules: {sizing: {mode: same_volume}}\nfollowers: {a: {currency: USD, deposit: 5}}\n",
            "s.yaml:1: rates.dollars: must name two currencies, like USDJPY",
        ),
        (
            (
                "rules: {sizing: {mode: same_volume}}\nguards:\n"
                "  - {name: all, kind: open_positions, limit: 9, unit: count, each: false}\n"
                "followers: {a: {currency: USD, deposit: 5}}\n"
            ),
            (
                "s.yaml:3: guards[0].each: must be true: followers of a what-if run are compared side by side, so a "
                "limit on their sum means nothing; give each its own part of it"
            ),
        ),
        (
            "rules: {sizing: {mode: same_volume}}\nfollowers:\n  leader: {currency: USD, deposit: 5}\n",
            "s.yaml:3: followers.leader: a follower cannot be called leader",
        ),
        (
            (
                "rules: {sizing: {mode: same_volume}}\nguards: [{name: a, kind: loss, limit: 5, unit: lots}]\n"
                "followers: {a: {currency: USD, deposit: 5}}\n"
            ),
            "s.yaml:2: guards[0].unit: ",
        ),
        (
            (
                "rules: {sizing: {mode: same_volume}}\nfollowers:\n  a:\n    currency: USD\n    deposit: 5\n"
                "    broker: {slippagePoints: [4, 1], leverage: 0}\n"
            ),
            (
                "s.yaml:6: followers.a.broker.leverage: must be from 1 to 10000\n"
                "s.yaml:6: followers.a.broker.slippagePoints: must be [least, most], neither negative"
            ),
        ),
        ("latencyMs: -1\nrules: {sizing: {mode: same_volume}}\nfollowers: {a: {currency: USD, deposit: 5}}\n",
         "s.yaml:1: latencyMs: must be from 0 to 3600000"),
        ("followers: {a: {\n", "s.yaml:2: not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_setting(text: str, sentence: str) -> None:
    assert sentence in told(text)


def test_one_mistake_does_not_hide_another() -> None:
    text = (
        "followers:\n  a: {currency: USD, deposit: 5, rules: {sizing: {mode: x}}}\n"
        "  b: {currency: USD, deposit: 5, rules: {color: red}}\n"
    )
    assert [line.split(": ")[0] for line in told(text).splitlines()] == ["s.yaml:2", "s.yaml:3"]


def test_followers_of_several_files_stand_side_by_side() -> None:
    one, other = "plain:", "other:"
    first, second = read_plan(FULL, "a/bold.yaml"), read_plan(FULL.replace(one, other), "meek.yaml")
    both = together([("a/bold.yaml", first), ("meek.yaml", second)])
    assert list(both.followers) == ["bold careful", "plain", "meek careful", "other"]


def test_files_that_differ_in_what_concerns_all_are_refused() -> None:
    first, second = (
        read_plan(FULL, "a.yaml"),
        read_plan(FULL.replace("latencyMs: 35", "latencyMs: 36"), "b.yaml"),
    )
    with pytest.raises(ConfigurationInvalid, match=r"b\.yaml:1: latencyMs: differs from a\.yaml"):
        together([("a.yaml", first), ("b.yaml", second)])


def test_quotes_belong_to_whom_the_option_names(tmp_path: Path) -> None:
    file, odd = tmp_path / "t.csv", tmp_path / "a=b.csv"
    file.touch()
    odd.touch()
    options = [f"leader={file}", f"me={file}", str(file), str(odd)]
    found = tick_files(options, ["me"], zone_named("UTC"))
    assert {whose: [each.name for each in files] for whose, files in found.items()} == {
        "leader": [str(file)],
        "me": [str(file)],
        "all": [str(file), str(odd)],
    }
    with pytest.raises(QuotesUnclear, match="'you' is nobody; quotes belong to all, followers, leader, me"):
        tick_files([f"you={file}"], ["me"], zone_named("UTC"))
    with pytest.raises(FileNotFoundError):
        tick_files(["missing.csv"], ["me"], zone_named("UTC"))
