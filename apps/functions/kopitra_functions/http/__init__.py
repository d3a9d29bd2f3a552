"""The management side's HTTP interface: one table of endpoints, one gate before all of them."""
