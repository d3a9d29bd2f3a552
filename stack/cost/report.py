"""`make cost`: every environment as its file says, on the screen and in build/cost.json."""

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from stack.cost.capture import captured, configuration
from stack.cost.choices import price_of_choices
from stack.cost.model import Line, ResourceUnpriced, cost_of, total
from stack.cost.quiet import Quiet, measured
from stack.cost.tables import choices_table, environment_table, sources
from stack.naming import APPLICATION
from stack.packages.building import ROOT
from stack.settings import SettingsInvalid

ENVIRONMENTS = ("dev", "staging", "prod")
REPORT = Path("build/cost.json")
CENT = Decimal("0.01")


def main(root: Path = ROOT) -> int:
    """1 where an environment would cost more than its own budget when quiet, or cannot be reckoned."""
    quiet = measured(root)
    configs = {name: configuration(root, name) for name in ENVIRONMENTS}
    try:
        reckoned = {name: cost_of(captured(name, configs[name]), quiet) for name in ENVIRONMENTS}
        told = price_of_choices("prod", configs["prod"], quiet)
    except (ResourceUnpriced, SettingsInvalid) as problem:
        print(f"✗ {problem}", file=sys.stderr)
        return 1
    for name, lines in reckoned.items():
        print(environment_table(name, lines, budget_of(configs[name])))
    print(choices_table("prod", told))
    print(sources())
    report = root / REPORT
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps(as_json(reckoned, configs), indent=2) + "\n")
    print(f"written: {REPORT}")
    return _judged(reckoned, configs)


def budget_of(config: Mapping[str, Any]) -> int:
    """USD a month."""
    return int(config[f"{APPLICATION}:budget"]["monthlyUsd"])


def as_json(
    reckoned: Mapping[str, Sequence[Line]], configs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        name: {
            "usd": _money(total(lines)),
            "budgetUsd": budget_of(configs[name]),
            "lines": [
                {
                    "resource": line.resource,
                    "kind": line.kind,
                    "meter": f"{line.price.service} {line.price.sku}",
                    "quantity": str(line.quantity),
                    "usd": _money(line.usd),
                }
                for line in lines
            ],
        }
        for name, lines in reckoned.items()
    }


def _money(usd: Decimal) -> str:
    return str(usd.quantize(CENT))


def _judged(reckoned: Mapping[str, Sequence[Line]], configs: Mapping[str, Mapping[str, Any]]) -> int:
    over = [name for name, lines in reckoned.items() if total(lines) > budget_of(configs[name])]
    for name in over:
        print(f"✗ {name} costs more than its budget of USD {budget_of(configs[name])}", file=sys.stderr)
    return 1 if over else 0


def quiet_cost(environment: str, config: Mapping[str, Any], quiet: Quiet) -> Decimal:
    """USD a month. Raises SettingsInvalid, ResourceUnpriced."""
    return total(cost_of(captured(environment, config), quiet))
