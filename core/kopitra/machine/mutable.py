"""What every part of the state has in common."""

import msgspec


class Mutable(msgspec.Struct, kw_only=True, omit_defaults=True, array_like=True, gc=False):
    """A part of the state; only `evolve` changes it. The state is a tree, so no part of it can be a cycle's: the cycle
    collector need not walk it (docs/decisions/0091)."""
