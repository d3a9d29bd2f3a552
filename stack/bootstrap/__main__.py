"""`python -m stack.bootstrap bootstrap|token-keys`, with ENV, DEPLOYER and DRY_RUN from the environment."""

import os
import sys

from stack.bootstrap.plan import BootstrapRefused, place_of, steps
from stack.bootstrap.running import Hands, StepFailed, carry_out, require_programs, show
from stack.bootstrap.token_keys import rotate
from stack.packages.building import ROOT

EXIT_REFUSED = 2


def main(what: str) -> int:
    environment = os.environ.get("ENV", "")
    try:
        place = place_of(environment, ROOT)
        if what == "token-keys":
            require_programs("pulumi")
            print(
                f"✓ {environment} signs with the key {rotate(environment, Hands())} from the next `pulumi up` on"
            )
            return 0
        wanted = list(steps(place, os.environ.get("DEPLOYER") or None))
        if os.environ.get("DRY_RUN"):
            show(wanted, print)
            return 0
        require_programs("az", "pulumi")
        carry_out(wanted, place, Hands())
    except BootstrapRefused as refusal:
        print(f"✗ {refusal}", file=sys.stderr)
        return EXIT_REFUSED
    except StepFailed as failure:
        print(f"✗ {failure}", file=sys.stderr)
        return 1
    print(f"Next: make token-keys ENV={environment}, then pulumi up --stack {environment}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
