"""What routes stand on."""

import msgspec

from kopitra_functions.ports import World
from kopitra_functions.publishing.channel_file import ChannelFile
from kopitra_functions.publishing.publisher import Publisher
from kopitra_functions.sql.database import Database


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """`publisher` sends what changes have left in `pending_commands`; `channels` keeps the blob of notification
    channels."""

    world: World
    database: Database
    publisher: Publisher
    channels: ChannelFile


async def catch_up(desk: Desk) -> None:
    """What earlier changes could not do at once, because a queue or a store was away or the process ended: for whoever
    finds SQL awake. Raises QueueError, BlobError, DatabaseResuming, DatabaseUnavailable."""
    await desk.publisher.publish_pending()
    await desk.channels.write()


def desk_over(world: World, database: Database) -> Desk:
    publisher = Publisher(database=database, queue=world.queues.commands, clock=world.clock)
    return Desk(
        world=world,
        database=database,
        publisher=publisher,
        channels=ChannelFile(database=database, blobs=world.blobs),
    )
