"""The Expert Advisor in Python: a leader's sensor, a follower's hand, or both, over a terminal port."""

CLIENT_VERSION = "kopitra-agent/1"
