"""One EA's life in a minute, on paper, against any deployed counterparty."""
