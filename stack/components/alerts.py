"""Who is told when, and the rules that say when."""

from collections.abc import Mapping

import pulumi_azure_native as azure
from pulumi import Input, Output, ResourceOptions

from stack.alarms import EVERY_MINUTES, LogAlarm, MetricAlarm, Target, log_alarms, metric_alarms
from stack.frame import Component, Frame
from stack.naming import APPLICATION
from stack.observed import CUSTOM_NAMESPACE, PlatformMetric

EVERYWHERE = "global"
"""Action groups and rules over metrics have no region."""


class Alerts(Component):
    """`group`: whoever is told. `pager`: an address that pages a person, secret."""

    def __init__(
        self,
        frame: Frame,
        *,
        targets: Mapping[Target, Input[str]],
        workspace: Input[str],
        pager: Output[str] | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("alerts", opts)
        self._frame = frame
        self._targets = targets
        self.group = self._group(pager)
        for alarm in metric_alarms(frame.settings):
            self._over_metric(alarm)
        for alarm in log_alarms(frame.settings):
            self._over_logs(alarm, workspace)
        self.register_outputs({})

    def _group(self, pager: Output[str] | None) -> azure.monitor.ActionGroup:
        frame = self._frame
        emails = [
            azure.monitor.MicrosoftCommonEmailReceiverArgs(
                name=f"email-{number}", email_address=email, use_common_alert_schema=True
            )
            for number, email in enumerate(frame.settings.alerts.emails, start=1)
        ]
        page = azure.monitor.WebhookReceiverArgs
        return azure.monitor.ActionGroup(
            "action-group",
            action_group_name=frame.names.of("alerts"),
            group_short_name=APPLICATION,
            enabled=True,
            location=EVERYWHERE,
            resource_group_name=frame.group,
            email_receivers=emails,
            webhook_receivers=[page(name="pager", service_uri=pager, use_common_alert_schema=True)]
            if pager is not None
            else [],
            tags=frame.tags,
            opts=self.child,
        )

    def _over_metric(self, alarm: MetricAlarm) -> None:
        metric = alarm.metric
        namespace = metric.namespace if isinstance(metric, PlatformMetric) else CUSTOM_NAMESPACE
        criteria = azure.monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
            odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            all_of=[
                azure.monitor.MetricCriteriaArgs(
                    name=alarm.name,
                    criterion_type="StaticThresholdCriterion",
                    metric_namespace=namespace,
                    metric_name=metric.name,
                    time_aggregation=alarm.aggregation,
                    operator=alarm.operator,
                    threshold=alarm.threshold,
                    # A figure of an app's own exists only once it has been told.
                    skip_metric_validation=namespace == CUSTOM_NAMESPACE,
                )
            ],
        )
        azure.monitor.MetricAlert(
            alarm.name,
            rule_name=self._frame.names.alert(alarm.name),
            description=alarm.says,
            severity=alarm.severity,
            enabled=True,
            scopes=[self._targets[alarm.target]],
            criteria=criteria,
            evaluation_frequency=_minutes(EVERY_MINUTES),
            window_size=_minutes(alarm.window_minutes),
            auto_mitigate=True,
            actions=[azure.monitor.MetricAlertActionArgs(action_group_id=self.group.id)],
            location=EVERYWHERE,
            resource_group_name=self._frame.group,
            tags=self._frame.tags,
            opts=self.child,
        )

    def _over_logs(self, alarm: LogAlarm, workspace: Input[str]) -> None:
        condition = azure.monitor.ConditionArgs(
            query=alarm.query,
            metric_measure_column=alarm.column,
            time_aggregation="Total",
            operator=alarm.operator,
            threshold=alarm.threshold,
            failing_periods=azure.monitor.ConditionFailingPeriodsArgs(
                number_of_evaluation_periods=1, min_failing_periods_to_alert=1
            ),
        )
        azure.monitor.ScheduledQueryRule(
            alarm.name,
            rule_name=self._frame.names.alert(alarm.name),
            display_name=self._frame.names.alert(alarm.name),
            description=alarm.says,
            kind="LogAlert",
            severity=alarm.severity,
            enabled=True,
            scopes=[workspace],
            criteria=azure.monitor.ScheduledQueryRuleCriteriaArgs(all_of=[condition]),
            evaluation_frequency=_minutes(alarm.every_minutes),
            window_size=_minutes(alarm.window_minutes),
            auto_mitigate=True,
            # A new workspace does not know its tables yet.
            skip_query_validation=True,
            actions=azure.monitor.ActionsArgs(action_groups=[self.group.id]),
            location=self._frame.location,
            resource_group_name=self._frame.group,
            tags=self._frame.tags,
            opts=self.child,
        )


def _minutes(number: int) -> str:
    return f"PT{number // 60}H" if number % 60 == 0 else f"PT{number}M"
