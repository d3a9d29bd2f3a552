"""The cast as configuration: entered at the management side, or one file as `kopitra apply` takes it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import yaml

from kopitra.domain.identifiers import AccountId
from kopitra_cli.demo.cast import Cast, Follower

TENANT = "demo"
GROUP = "followers-of-leader"
CODE_BYTES = 20


def enrolment_codes(cast: Cast, token_bytes: Callable[[int], bytes]) -> dict[AccountId, str]:
    """A one-time code for each account."""
    return {account.account: token_bytes(CODE_BYTES).hex() for account in cast.accounts}


def opening_file(cast: Cast, codes: Mapping[AccountId, str], open_ttl_seconds: int | None = None) -> str:
    """Everybody's accounts, the group, and the subscriptions of those who are there from the start."""
    accounts = {
        account.account: {
            "label": f"{account.terms.currency} account {account.login} at {account.terms.server}",
            "enrolmentCode": codes[account.account],
        }
        for account in cast.accounts
    }
    present = [follower for follower in cast.followers if not follower.joins_late]
    return _written(
        accounts=accounts,
        groups={GROUP: {"leaders": [cast.leader.account]}},
        subscriptions={f.subscription: subscription_of(f, open_ttl_seconds) for f in present},
    )


def subscription_of(follower: Follower, open_ttl_seconds: int | None) -> dict[str, Any]:
    return {
        "group": GROUP,
        "follower": follower.account,
        "rules": _rules(follower) | _ttl(open_ttl_seconds),
    }


def _rules(follower: Follower) -> dict[str, Any]:
    return msgspec.to_builtins(follower.rules, str_keys=True)


def _ttl(seconds: int | None) -> dict[str, int]:
    return {"openTtlSeconds": seconds} if seconds is not None else {}


def _written(**sections: Any) -> str:
    plain = msgspec.to_builtins({"tenant": TENANT, **sections}, str_keys=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
