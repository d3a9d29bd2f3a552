"""Lists by keyset: the next page starts after the last row of this one, however far in that is."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Select, and_, or_

S = TypeVar("S", bound=Select[*tuple[Any, ...]])

MAX_PAGE = 500


def page(
    statement: S,
    order: Sequence[Column[Any]],
    *,
    limit: int,
    after: Sequence[Any] | None = None,
    descending: bool = True,
) -> S:
    """At most `limit` + 1 rows, so that one more tells of a next page. `order`: columns that are never NULL in these
    rows and unique together, the last ones of an index whose first ones the statement compares by `=`."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} rows, not {limit}")
    if after is not None:
        statement = statement.where(beyond(order, after, descending=descending))
    ordered = [column.desc() if descending else column.asc() for column in order]
    return statement.order_by(*ordered).limit(limit + 1)


def beyond(
    order: Sequence[Column[Any]], values: Sequence[Any], *, descending: bool = True
) -> ColumnElement[bool]:
    """`order` comes after `values`. The first column is bounded on its own: by that an index finds the place."""
    if len(order) != len(values):
        raise ValueError(f"a place in this list has {len(order)} parts, not {len(values)}")
    first, value = order[0], values[0]
    strictly = first < value if descending else first > value
    if len(order) == 1:
        return strictly
    loosely = first <= value if descending else first >= value
    rest = beyond(order[1:], values[1:], descending=descending)
    return and_(loosely, or_(strictly, rest))
