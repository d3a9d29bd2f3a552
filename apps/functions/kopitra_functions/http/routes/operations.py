"""Routes for running the platform from day to day, beside `configuration`'s."""

from kopitra_functions.http.endpoint import Route
from kopitra_functions.http.routes import control, tasks, what_if

ROUTES: tuple[Route, ...] = (*control.ROUTES, *tasks.ROUTES, *what_if.ROUTES)
