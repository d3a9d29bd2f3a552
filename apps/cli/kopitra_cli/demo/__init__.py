"""The demonstration: a whole platform on one machine, a leader's history, and a verdict that can fail."""
