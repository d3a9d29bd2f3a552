"""Every route of `/api/admin`: the one table that server, OpenAPI document and tests read."""

from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.routes import configuration, operations
from kopitra_functions.http.routes.health import service_routes

RESOURCES: tuple[tuple[Route, ...], ...] = (configuration.ROUTES, operations.ROUTES)
"""A resource module's routes; add yours here."""


def all_routes(build: str = "development") -> tuple[Route, ...]:
    def endpoints() -> list[Endpoint]:
        return [route.endpoint for route in routes]

    resources = [route for routes_of_one in RESOURCES for route in routes_of_one]
    routes = (*service_routes(endpoints, build), *resources)
    return routes
