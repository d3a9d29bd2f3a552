"""Names of the protocol's headers."""

ACCOUNT = "X-TradeAgent-Account"
REQUEST_ID = "X-TradeAgent-Request-ID"
SANDBOX = "X-TradeAgent-Sandbox"
IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
