"""`python -m stack.bootstrap bootstrap|operators-app|token-keys`, with ENV and the rest from the environment."""

import os
import sys

from stack.bootstrap.operators_app import known_audience, operators_app, settings
from stack.bootstrap.plan import BootstrapRefused, identity, place_of, steps
from stack.bootstrap.running import Hands, StepFailed, carry_out, require_driver, require_programs, show
from stack.bootstrap.token_keys import rotate
from stack.packages.building import ROOT

EXIT_REFUSED = 2


def main(what: str) -> int:
    environment = os.environ.get("ENV", "")
    work = {"bootstrap": bootstrap, "operators-app": make_operators_app, "token-keys": token_keys}[what]
    try:
        work(environment)
    except BootstrapRefused as refusal:
        print(f"✗ {refusal}", file=sys.stderr)
        return EXIT_REFUSED
    except StepFailed as failure:
        print(f"✗ {failure}", file=sys.stderr)
        return 1
    return 0


def bootstrap(environment: str) -> None:
    place = place_of(environment, ROOT)
    wanted = list(steps(place, identity("DEPLOYER", os.environ), identity("PREVIEWER", os.environ)))
    if os.environ.get("DRY_RUN"):
        show(wanted, print)
        return
    require_programs("az", "pulumi")
    require_driver()
    carry_out(wanted, place, Hands())
    print(f"Next: make token-keys ENV={environment}, then pulumi up --stack {environment}")


def make_operators_app(environment: str) -> None:
    place = place_of(environment, ROOT)
    functions = identity("FUNCTIONS", os.environ)
    wanted = list(operators_app(place, known_audience(environment, ROOT), functions))
    if os.environ.get("DRY_RUN"):
        show(wanted, print)
        return
    require_programs("az")
    print(settings(place, carry_out(wanted, place, Hands())))


def token_keys(environment: str) -> None:
    place_of(environment, ROOT)
    require_programs("pulumi")
    made = rotate(environment, Hands())
    print(f"✓ {environment} signs with the key {made} from the next `pulumi up` on")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
