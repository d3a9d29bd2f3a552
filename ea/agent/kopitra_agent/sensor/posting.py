"""A leader's deposits and withdrawals as inbox events."""

from kopitra_agent.courier import Consignment, balance_events
from kopitra_agent.sensor.memory import SensorMemory
from kopitra_agent.sensor.records import Answered

BALANCES_A_POST = 50


class SensorReportSource:
    def __init__(self, memory: SensorMemory) -> None:
        self._memory = memory

    async def reports(self) -> Consignment | None:
        balances = self._memory.state.balances[:BALANCES_A_POST]
        if not balances:
            return None
        count = len(balances)
        return Consignment(
            balance_events(balances),
            lambda: self._memory.record(Answered(balances=count), flush=False),
            changes_account=True,
        )

    def due_in(self) -> float | None:
        return None
