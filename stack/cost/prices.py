"""Prices, a row for each meter. List prices of East US without tax, discounts or free grants.

Other regions differ: there an environment is held to its limit with `DEARER_REGION` as a margin.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

DEARER_REGION = Decimal("1.15")
"""A margin for regions with higher list prices; no price of any of them."""
PRICED_REGION = "eastus"
"""Where the prices below hold as they are."""

_PAGES = "azure.microsoft.com/pricing/details/"
_NOTED = date(2026, 11, 21)


@dataclass(frozen=True)
class Price:
    """`usd` for one `unit`; `sku` as the resource says it, or the part of a service that is counted by itself.
    `source`: Azure's page that has it. Noted by hand: compare before a decision hangs on one."""

    service: str
    sku: str
    unit: str
    usd: Decimal
    source: str
    noted: date = _NOTED


class PriceMissing(Exception):
    """There is no price for it: `service sku`."""


def _row(service: str, sku: str, unit: str, usd: str, page: str) -> Price:
    return Price(service, sku, unit, Decimal(usd), _PAGES + page)


_APPS = "app-service/linux/"
_FUNCTIONS = "functions/"
_STORAGE = "storage/blobs/"
_TABLES = "storage/tables/"
_BUS = "service-bus/"
_SQL = "azure-sql-database/single/"
_MONITOR = "monitor/"

PRICES: tuple[Price, ...] = (
    _row("App Service", "B1", "month", "12.41", _APPS),
    _row("App Service", "B2", "month", "24.82", _APPS),
    _row("App Service", "B3", "month", "49.64", _APPS),
    _row("App Service", "S1", "month", "69.35", _APPS),
    _row("App Service", "S2", "month", "138.70", _APPS),
    _row("App Service", "P0v3", "month", "56.58", _APPS),
    _row("App Service", "P1v3", "month", "113.15", _APPS),
    _row("App Service", "P2v3", "month", "226.30", _APPS),
    _row("Functions", "FC1 memory", "GB-s", "0.000026", _FUNCTIONS),
    _row("Functions", "FC1 executions", "million", "0.40", _FUNCTIONS),
    _row("SQL", "GP_S_Gen5", "vCore-hour", "0.522", _SQL),
    _row("SQL", "General Purpose storage", "GB-month", "0.115", _SQL),
    _row("Service Bus", "Basic operations", "million", "0.05", _BUS),
    _row("Service Bus", "Standard", "month", "9.81", _BUS),
    _row("Service Bus", "Standard operations", "million beyond 13", "0.80", _BUS),
    _row("Tables", "Standard_LRS", "GB-month", "0.045", _TABLES),
    _row("Tables", "Standard_ZRS", "GB-month", "0.0563", _TABLES),
    _row("Tables", "Standard_GRS", "GB-month", "0.06", _TABLES),
    _row("Tables", "operations", "10,000", "0.00036", _TABLES),
    _row("Blobs", "Standard_LRS", "GB-month", "0.0184", _STORAGE),
    _row("Blobs", "Standard_ZRS", "GB-month", "0.023", _STORAGE),
    _row("Blobs", "Standard_GRS", "GB-month", "0.0368", _STORAGE),
    _row("Blobs", "Standard_LRS writes", "10,000", "0.05", _STORAGE),
    _row("Blobs", "Standard_ZRS writes", "10,000", "0.0625", _STORAGE),
    _row("Blobs", "Standard_GRS writes", "10,000", "0.10", _STORAGE),
    _row("Blobs", "reads and leases", "10,000", "0.004", _STORAGE),
    _row("Key Vault", "operations", "10,000", "0.03", "key-vault/"),
    _row("App Configuration", "free", "month", "0", "app-configuration/"),
    _row("App Configuration", "standard", "month", "36.00", "app-configuration/"),
    _row("Static Web Apps", "Free", "month", "0", "app-service/static/"),
    _row("Static Web Apps", "Standard", "month", "9.00", "app-service/static/"),
    _row("Log Analytics", "PerGB2018", "GB", "2.30", _MONITOR),
    _row("Log Analytics", "retention beyond 31 days", "GB-month", "0.10", _MONITOR),
    _row("Alerts", "metric", "rule-month", "0.10", _MONITOR),
    _row("Alerts", "logs every 15 minutes or less often", "rule-month", "0.50", _MONITOR),
    _row("Alerts", "logs every 10 minutes", "rule-month", "1.00", _MONITOR),
    _row("Alerts", "logs every 5 minutes", "rule-month", "1.50", _MONITOR),
    _row("Alerts", "logs every minute", "rule-month", "3.00", _MONITOR),
)
_BY_METER = {(price.service, price.sku): price for price in PRICES}


def margin_in(region: str) -> Decimal:
    """What an environment's reckoned cost is multiplied by before it is held against a limit."""
    return Decimal(1) if region == PRICED_REGION else DEARER_REGION


def price_of(service: str, sku: str) -> Price:
    """Raises PriceMissing."""
    try:
        return _BY_METER[service, sku]
    except KeyError:
        raise PriceMissing(f"{service} {sku}") from None
