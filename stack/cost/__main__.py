"""`python -m stack.cost`: what each environment costs when quiet."""

import sys

from stack.cost.report import main

sys.exit(main())
