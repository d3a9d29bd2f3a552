"""What if these followers had copied that leader, with these rules, at those brokers? Start reading at `run.what_if`.

The platform's own core decides, simulated brokers execute, and the clock is the history's. Pure: files, terminals and
the real time stay outside.
"""
