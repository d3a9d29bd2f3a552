"""What an account's broker offers, and which of it stands for a leader's symbols."""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import RowMapping

from kopitra.domain.catalogues import Catalogue
from kopitra.domain.instants import rfc3339
from kopitra.domain.mapping import MappedBy, alike, map_symbol
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec, TradeMode
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Shown
from kopitra_functions.http.rows import require
from kopitra_functions.sql.tables import accounts, symbol_specs

RULES = CopyRules(sizing=SameVolume(), suffix_discovery=True)
"""Nothing mapped, nothing excluded: what the names and currencies alone say."""
BY_SYMBOL = Listing("symbols", (symbol_specs.c.symbol,))
LEADERS = Listing("mapping", (symbol_specs.c.symbol,))
LAST_CHARACTER = "\U0010ffff"


class SymbolView(Shown, frozen=True):
    """As its EA last told; volumes in lots, levels in points."""

    account: str
    spec: SymbolSpec
    updated_at: str


class SymbolPage(Shown, frozen=True):
    items: list[SymbolView]
    cursor: str
    more: bool


class MappingSuggestion(Shown, frozen=True):
    """`mapped`: the one symbol that stands for the leader's. Without one `reason` says why, and `candidates` are those
    that a person may choose from."""

    symbol: str
    mapped: str | None
    how: MappedBy | None
    reason: SkipReason | None
    detail: str | None
    candidates: list[str]


class MappingPage(Shown, frozen=True):
    leader: str
    follower: str
    items: list[MappingSuggestion]
    cursor: str
    more: bool


def read_spec(row: RowMapping) -> SymbolSpec:
    values: dict[str, Any] = {name: row[name] for name in SymbolSpec.__struct_fields__}
    values["filling_modes"] = tuple(row["filling_modes"])
    values["trade_mode"] = TradeMode(row["trade_mode"])
    return SymbolSpec(**values)


async def _list(call: Call) -> Reply:
    account, prefix = call.params["account"], call.query.get("prefix")

    def work(connection: Connection) -> SymbolPage:
        owner = require(connection, call, accounts, account=account)
        query = _of(owner["tenant"], account)
        if prefix is not None:
            symbol = symbol_specs.c.symbol
            query = query.where(symbol >= prefix, symbol < prefix + LAST_CHARACTER)
        found = listed(connection, query, BY_SYMBOL, call.query)
        return SymbolPage(items=found.told(_view), cursor=found.cursor, more=found.more)

    return told(await call.read(work))


async def _suggest(call: Call) -> Reply:
    follower, leader = call.params["account"], call.query.get("leader", "")

    def work(connection: Connection) -> MappingPage:
        owner = require(connection, call, accounts, account=follower)
        other = require(connection, call, accounts, account=leader)
        query = _of(other["tenant"], leader)
        if "symbol" in call.query:
            query = query.where(symbol_specs.c.symbol == call.query["symbol"])
        found = listed(connection, query, LEADERS, call.query)
        theirs = connection.execute(_of(owner["tenant"], follower)).mappings()
        catalogue = Catalogue(read_spec(row) for row in theirs)
        return MappingPage(
            leader=leader,
            follower=follower,
            items=[suggestion(read_spec(row), catalogue) for row in found.rows],
            cursor=found.cursor,
            more=found.more,
        )

    return told(await call.read(work))


def suggestion(spec: SymbolSpec, catalogue: Catalogue) -> MappingSuggestion:
    """What the copy engine itself would say of this leader's symbol."""
    found = map_symbol(RULES, spec, catalogue)
    if isinstance(found, Skip):
        return MappingSuggestion(
            symbol=spec.symbol,
            mapped=None,
            how=None,
            reason=found.reason,
            detail=found.detail,
            candidates=sorted(each.symbol for each in alike(spec, catalogue)),
        )
    return MappingSuggestion(
        symbol=spec.symbol, mapped=found.symbol, how=found.how, reason=None, detail=None, candidates=[]
    )


def _of(tenant: str, account: str) -> Any:
    return select(symbol_specs).where(symbol_specs.c.tenant == tenant, symbol_specs.c.account == account)


def _view(row: RowMapping) -> SymbolView:
    return SymbolView(account=row["account"], spec=read_spec(row), updated_at=rfc3339(row["updated_at"]))


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/accounts/{account}/symbols",
            summary="The symbols of an account's broker, by name.",
            role=Role.VIEWER,
            answers={200: (SymbolPage,)},
            query=(*PAGING, Query("prefix", Kind.TEXT, "Only those whose name begins like this.")),
        ),
        _list,
    ),
    Route(
        Endpoint(
            method="GET",
            path="/accounts/{account}/mapping-suggestions",
            summary="Which of a follower's symbols stands for each of a leader's: one, or the candidates.",
            role=Role.VIEWER,
            answers={200: (MappingPage,)},
            query=(
                *PAGING,
                Query("leader", Kind.TEXT, "The account whose symbols are to be mapped.", required=True),
                Query("symbol", Kind.TEXT, "Only this one of the leader's."),
            ),
        ),
        _suggest,
    ),
)
