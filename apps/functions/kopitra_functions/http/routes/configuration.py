"""Everything that is configured: who takes part, who copies whom, and by which settings."""

from kopitra_functions.http.endpoint import Route
from kopitra_functions.http.routes import (
    accounts,
    brokers,
    channels,
    credentials,
    devices,
    enrolments,
    entitlements,
    groups,
    previews,
    settings,
    strategies,
    subscriptions,
    symbols,
    tenants,
    users,
)

ROUTES: tuple[Route, ...] = (
    *tenants.ROUTES,
    *users.ROUTES,
    *brokers.ROUTES,
    *accounts.ROUTES,
    *enrolments.ROUTES,
    *devices.ROUTES,
    *entitlements.ROUTES,
    *credentials.ROUTES,
    *symbols.ROUTES,
    *groups.ROUTES,
    *strategies.ROUTES,
    *subscriptions.ROUTES,
    *settings.ROUTES,
    *previews.ROUTES,
    *channels.ROUTES,
)
