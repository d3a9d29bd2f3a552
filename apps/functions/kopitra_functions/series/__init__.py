"""Latency, slippage and equity over time; how the figures are made is in docs/management.md."""
