"""Symbols of a broker, and which of them stands for a leader's."""

from decimal import Decimal

from sqlalchemy import Connection

from kopitra_functions.sql.tables import symbol_specs
from tests.management.http.configured import account
from tests.management.world import OTHER, Managed


async def offered(house: Managed, name: str, *symbols: tuple[str, str, str]) -> None:
    """An account with these symbols: name, base and profit currency."""
    await account(house, name)

    def work(connection: Connection) -> None:
        for symbol, base, profit in symbols:
            connection.execute(
                symbol_specs.insert().values(
                    account=name,
                    symbol=symbol,
                    tenant="acme",
                    digits=5,
                    contract_size=Decimal(100_000),
                    volume_min=Decimal("0.01"),
                    volume_max=Decimal(100),
                    volume_step=Decimal("0.01"),
                    base_currency=base,
                    profit_currency=profit,
                    stops_level=0,
                    freeze_level=0,
                    filling_modes=["fok"],
                    trade_mode="full",
                    journal_id="j",
                    shard="main",
                    sequence=1,
                    updated_at=house.clock.now(),
                )
            )

    await house.database.write(work)


async def test_a_brokers_symbols_are_listed_by_name(house: Managed):
    await offered(house, "a", ("EURUSD", "EUR", "USD"), ("EURGBP", "EUR", "GBP"), ("GOLD", "XAU", "USD"))
    listed = await house.call("GET", "/accounts/a/symbols?prefix=EUR")
    assert [item["spec"]["symbol"] for item in listed.json["items"]] == ["EURGBP", "EURUSD"]
    assert listed.json["items"][0]["spec"]["volumeStep"] == "0.01"
    assert (await house.call("GET", "/accounts/a/symbols", tenant=OTHER)).status == 404


async def test_a_mapping_is_one_symbol_or_candidates_to_choose_from(house: Managed):
    await offered(
        house,
        "leader",
        ("EURUSD", "EUR", "USD"),
        ("GBPUSD", "GBP", "USD"),
        ("GOLD", "XAU", "USD"),
        ("X", "", ""),
    )
    await offered(
        house,
        "follower",
        ("EURUSD", "EUR", "USD"),
        ("EURUSD.m", "EUR", "USD"),
        ("GBPUSD.m", "GBP", "USD"),
        ("GOLD.m", "XAU", "USD"),
        ("GOLD.pro", "XAU", "USD"),
    )
    answer = await house.call("GET", "/accounts/follower/mapping-suggestions?leader=leader")
    found = {item["symbol"]: item for item in answer.json["items"]}
    assert (found["EURUSD"]["mapped"], found["EURUSD"]["how"]) == ("EURUSD", "same_name")
    assert (found["GBPUSD"]["mapped"], found["GBPUSD"]["how"]) == ("GBPUSD.m", "discovered")
    assert (found["GOLD"]["mapped"], found["GOLD"]["reason"]) == (None, "symbol_ambiguous")
    assert found["GOLD"]["candidates"] == ["GOLD.m", "GOLD.pro"]
    assert (found["X"]["reason"], found["X"]["candidates"]) == ("symbol_unmapped", [])
    one = await house.call("GET", "/accounts/follower/mapping-suggestions?leader=leader&symbol=GBPUSD")
    assert [item["symbol"] for item in one.json["items"]] == ["GBPUSD"]
    missing = await house.call("GET", "/accounts/follower/mapping-suggestions")
    assert (missing.status, missing.json["code"]) == (400, "query_invalid")
