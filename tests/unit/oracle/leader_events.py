"""A leader's events as the plain dictionaries that the oracle reads."""

from decimal import Decimal
from typing import Any

SYMBOL = {
    "symbol": "EURUSD.m",
    "leader_contract_size": Decimal(100_000),
    "contract_size": Decimal(100_000),
    "step": Decimal("0.01"),
    "min": Decimal("0.01"),
    "max": Decimal(100),
}


def rules(**changes: Any) -> dict[str, Any]:
    """A follower that copies the leader's volume; changes to the symbol are made by its own names."""
    symbol = {name: changes.pop(name, value) for name, value in SYMBOL.items()}
    return {"mode": "same_volume", "symbols": {"EURUSD": symbol}} | changes


def event(action: str, at: int, ref: str = "1", **facts: Any) -> dict[str, Any]:
    """One event of a long EURUSD position of one lot; `at` may be any number, for the oracle only compares."""
    plain: dict[str, Any] = {
        "action": action,
        "at": at,
        "position_ref": ref,
        "ticket": int(ref or 0),
        "symbol": "EURUSD",
        "side": "buy",
        "volume": Decimal(1),
        "volume_after": None,
        "price": Decimal("1.08"),
        "stop_loss": None,
        "take_profit": None,
    }
    return plain | {
        name: Decimal(value) if isinstance(value, str) and name not in ("symbol", "side") else value
        for name, value in facts.items()
    }
