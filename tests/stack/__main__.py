"""`make stack`: the stack of docker-compose.yml as processes, through all that tests/stack/story.py tells."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.integration.kafka.broker import NoKafka
from tests.postgres.server import NoPostgres
from tests.stack.parts import parts
from tests.stack.story import play


def main() -> int:
    """Tell each step with the seconds since the beginning; give the exit status."""
    began = time.monotonic()

    def tell(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.1f} s  {line}\n")
        sys.stdout.flush()

    warnings.filterwarnings("ignore", category=DeprecationWarning)  # botocore's and moto's own
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's server would tell of each request
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # and ours of each that a killed worker cut short
    try:
        with tempfile.TemporaryDirectory(prefix="stack-") as folder, parts(Path(folder), tell) as running:
            asyncio.run(play(running, Path(folder), tell))
    except (NoKafka, NoPostgres) as reason:
        tell(f"the stack cannot be run here: {reason}")
        return 1
    except AssertionError as broken:
        tell(f"NOT as it should be: {broken}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
