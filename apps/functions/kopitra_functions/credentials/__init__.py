"""Brokers' passwords and channels' secrets at rest: each under a key of its own, which another key wraps."""
