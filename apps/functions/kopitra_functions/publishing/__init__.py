"""From configuration in SQL to the counterparty: an outbox in the transaction of the change, sent after the commit."""
