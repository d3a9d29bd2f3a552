"""Which work does which task."""

from kopitra_functions.ports import World
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.threads import Threads
from kopitra_functions.tasks.exporting import Exporting
from kopitra_functions.tasks.imagining import Imagining
from kopitra_functions.tasks.purging import Purging
from kopitra_functions.tasks.rebuilding import Rebuild, Rebuilding
from kopitra_functions.tasks.resyncing import AllBooks, OneBook
from kopitra_functions.tasks.runner import Runner
from kopitra_functions.tasks.work import TaskWork


def runner_over(world: World, database: Database, threads: Threads, rebuild: Rebuild | None) -> Runner:
    """`threads`: where what-if runs compute. Without `rebuild` that task is refused."""
    works: dict[str, TaskWork] = {
        "full_resync": AllBooks(database=database, commands=world.queues.commands, clock=world.clock),
        "reconcile_follower": OneBook(
            commands=world.queues.commands,
            counterparty=world.counterparty,
            tokens=world.tokens,
            clock=world.clock,
        ),
        "export": Exporting(database=database, blobs=world.blobs),
        "purge": Purging(database=database),
        "what_if": Imagining(blobs=world.blobs, threads=threads, clock=world.clock, sleeper=world.sleeper),
    }
    if rebuild is not None:
        works["rebuild_read_models"] = Rebuilding(rebuild, database)
    return Runner(database=database, queue=world.queues.tasks, works=works, clock=world.clock, ids=world.ids)
