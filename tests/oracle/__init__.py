"""The independent reference for copying, which the demonstration uses as well: see `kopitra_cli.oracle`."""

from kopitra_cli.oracle import Expectation, Held, Step, copied_volume, differences, expected, in_order

__all__ = ["Expectation", "Held", "Step", "copied_volume", "differences", "expected", "in_order"]
