"""`python tests/load/run.py`, or `python -m tests.load.run`: see `tests.load.bench`."""

import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(import_module("tests.load.bench").main())
