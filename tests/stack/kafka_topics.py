"""Stands for kafka-topics.sh of Kafka's image, as far as the Compose file uses it."""

from __future__ import annotations

import argparse
import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def main() -> None:
    """Make a topic unless it is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--create", action="store_true", required=True)
    parser.add_argument("--if-not-exists", action="store_true", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--replication-factor", type=int, required=True)
    parser.add_argument("--config", action="append", default=[])
    given = parser.parse_args()
    admin = AIOKafkaAdminClient(bootstrap_servers=given.bootstrap_server)
    await admin.start()
    try:
        if given.topic not in await admin.list_topics():
            settings = dict(each.split("=", 1) for each in given.config)
            await admin.create_topics(
                [NewTopic(given.topic, given.partitions, given.replication_factor, None, settings)]
            )
    finally:
        await admin.close()


if __name__ == "__main__":
    asyncio.run(main())
