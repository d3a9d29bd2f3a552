"""Pure rules and value types of copy trading: no clock, no I/O, no float."""
