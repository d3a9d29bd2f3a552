"""Routes for running the platform from day to day, beside `configuration`'s."""

from kopitra_functions.http.endpoint import Route
from kopitra_functions.http.routes import (
    control,
    dead_letters,
    decisions,
    notifications,
    records,
    run_history,
    series,
    tasks,
    what_if,
)

ROUTES: tuple[Route, ...] = (
    *control.ROUTES,
    *records.ROUTES,
    *run_history.ROUTES,
    *decisions.ROUTES,
    *notifications.ROUTES,
    *series.ROUTES,
    *dead_letters.ROUTES,
    *tasks.ROUTES,
    *what_if.ROUTES,
)
