"""What is said about money: a budget with what is forecast, and a word when a day's cost is out of the ordinary."""

from datetime import date

import pulumi_azure_native as azure
from pulumi import Input, ResourceOptions

from stack.frame import Component, Frame

EARLY_PERCENT = 80.0
"""Of the budget, spent: time to look before it is used up."""
ANOMALIES = "ms:DailyAnomalyByResourceGroup"
"""The one built-in view that anomaly alerts stand on."""


class Spending(Component):
    """Both are made anew where they change: Azure takes a change only with the tag of the last one (eTag), which a
    program does not know. A budget that is made anew starts in no month that is over."""

    def __init__(
        self, frame: Frame, *, scope: Input[str], told: Input[str], opts: ResourceOptions | None = None
    ) -> None:
        """`scope`: the resource group's id; `told`: the action group's."""
        super().__init__("spending", opts)
        settings = frame.settings
        months = settings.budget
        forecast = azure.consumption.ThresholdType.FORECASTED
        anew = ResourceOptions(parent=self, replace_on_changes=["*"], delete_before_replace=True)

        def notice(
            percent: float, kind: azure.consumption.ThresholdType = azure.consumption.ThresholdType.ACTUAL
        ) -> azure.consumption.NotificationArgs:
            return azure.consumption.NotificationArgs(
                enabled=True,
                operator=azure.consumption.OperatorType.GREATER_THAN_OR_EQUAL_TO,
                threshold=percent,
                threshold_type=kind,
                contact_emails=list(settings.alerts.emails),
                contact_groups=[told],
            )

        azure.consumption.Budget(
            "budget",
            budget_name=frame.names.of("budget"),
            scope=scope,
            amount=float(months.monthly_usd),
            category=azure.consumption.CategoryType.COST,
            time_grain=azure.consumption.TimeGrainType.MONTHLY,
            time_period=azure.consumption.BudgetTimePeriodArgs(start_date=_midnight(months.first_day)),
            notifications={
                "early": notice(EARLY_PERCENT),
                "spent": notice(100.0),
                "forecast": notice(float(months.forecast_percent), forecast),
            },
            opts=anew,
        )
        subscription = f"/subscriptions/{settings.subscription_id}"
        watched = months.anomalies_watched_from
        azure.costmanagement.ScheduledActionByScope(
            "cost-anomaly",
            name=frame.names.of("anomaly"),
            # Azure looks for anomalies in whole subscriptions only.
            scope=subscription,
            kind=azure.costmanagement.ScheduledActionKind.INSIGHT_ALERT,
            display_name=frame.names.of("anomaly"),
            status=azure.costmanagement.ScheduledActionStatus.ENABLED,
            view_id=f"{subscription}/providers/Microsoft.CostManagement/views/{ANOMALIES}",
            notification_email=settings.alerts.emails[0],
            notification=azure.costmanagement.NotificationPropertiesArgs(
                to=list(settings.alerts.emails),
                subject=f"Kopitra {settings.environment}: unusual cost",
            ),
            # A year is the longest that Azure takes.
            schedule=azure.costmanagement.SchedulePropertiesArgs(
                frequency=azure.costmanagement.ScheduleFrequency.DAILY,
                start_date=_midnight(watched),
                end_date=_midnight(watched.replace(year=watched.year + 1)),
            ),
            opts=anew,
        )
        self.register_outputs({})


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
