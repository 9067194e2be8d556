"""A real Apache Kafka for the tests: one JVM, KRaft, on loopback, its jars fetched once by Maven."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.harness.free_ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("4.3.0", "3.9.1")
USERNAME, PASSWORD = "voicememo", "open-sesame"
"""For the SASL listener."""

_POM = Path(__file__).parent / "pom.xml"
_CLUSTER = "dm9pY2VtZW1vLXRlc3RzMQ"
_FETCH_SECONDS = 600
_FORMAT_SECONDS = 60
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_STOP_SECONDS = 10
_LOG = "-Dorg.slf4j.simpleLogger.logFile"
_JVM = (
    "-Xmx512m",
    "-Xms64m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listeners=PLAIN://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAIN://127.0.0.1:{plain},SASL://127.0.0.1:{sasl}
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{username}="{password}";
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""


class NoKafka(Exception):
    """A real Kafka cannot be had on this machine; the message says why."""


@dataclass(slots=True)
class RealKafka:
    """A running broker."""

    version: str
    bootstrap_servers: str
    sasl_servers: str
    """The same broker, for SASL_PLAINTEXT with PLAIN."""
    command: list[str] = field(repr=False)
    log: Path = field(repr=False)
    _running: ExitStack = field(default_factory=ExitStack, repr=False)

    def start(self) -> None:
        """Start it, and wait until it can be used."""
        broker = self._running.enter_context(_running(self.command))
        self._running.enter_context(_never_outliving_us(broker))
        _wait_until_ready(self.bootstrap_servers, broker, self.log)

    def kill(self) -> None:
        """End it at once; what it has acknowledged is on its disk."""
        self._running.close()


@contextmanager
def real_kafka(version: str) -> Iterator[RealKafka]:
    """Run a broker of this version during the block. Raises NoKafka."""
    with ExitStack() as closing:
        java = (_program("java"), "-cp", f"{jars(version)}/*", *_JVM)
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="kafka-")))
        plain, sasl, controller = free_ports(3)
        ports = {"plain": plain, "sasl": sasl, "controller": controller}
        properties = folder / "server.properties"
        properties.write_text(_PROPERTIES.format(**ports, folder=folder, username=USERNAME, password=PASSWORD))
        _format(java, properties)
        log = folder / "broker.log"
        command = [*java, f"{_LOG}={log}", "kafka.Kafka", str(properties)]
        broker = RealKafka(version, f"127.0.0.1:{plain}", f"127.0.0.1:{sasl}", command, log)
        closing.callback(broker.kill)
        broker.start()
        yield broker


def jars(version: str) -> Path:
    """Give the folder with the broker's jars, fetched when they are not in the cache yet. Raises NoKafka."""
    cache = Path(os.environ.get("VOICEMEMO_KAFKA_CACHE") or Path.home() / ".cache" / "voicememo" / "kafka")
    folder = cache / version
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{version}-", dir=cache) as fetched:
            _fetch(version, Path(fetched) / "jars")
            _move(Path(fetched) / "jars", folder)
    return folder


def _fetch(version: str, folder: Path) -> None:
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}", f"-Dkafka.version={version}"]
    fetching = subprocess.run(  # noqa: S603 (mvn, as found in PATH)
        [_program("mvn"), "-q", "-B", "-f", str(_POM), *goal],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # Maven's output is not needed
        stderr=subprocess.DEVNULL,
        timeout=_FETCH_SECONDS,
        check=False,
    )
    if fetching.returncode != 0:
        raise NoKafka(f"mvn could not fetch Kafka {version} (exit status {fetching.returncode})")


def _move(fetched: Path, folder: Path) -> None:
    """Put the jars in place whole; another run may have been quicker."""
    try:
        fetched.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise NoKafka(f"{name} is not installed")
    return path


def _format(java: tuple[str, ...], properties: Path) -> None:
    """Give the broker its empty log directory, which a KRaft node will not make by itself."""
    subprocess.run(  # noqa: S603 (java, as found in PATH)
        [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties)],
        capture_output=True,
        timeout=_FORMAT_SECONDS,
        check=True,
    )


def _wait_until_ready(servers: str, broker: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a client can list the topics."""
    until = time.monotonic() + _START_SECONDS
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        while not runner.run(_answers(servers)):
            if broker.poll() is not None or time.monotonic() > until:
                said = log.read_text()[-2000:] if log.exists() else "nothing"
                raise AssertionError(f"Kafka did not start; its log ends: {said}")
            time.sleep(_LOOK_SECONDS)


async def _answers(servers: str) -> bool:
    host, _, port = servers.partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start()
        await admin.list_topics()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run during the block, and end at once after it: nothing of the broker is to be kept."""
    null = subprocess.DEVNULL
    broker = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)  # noqa: S603 (java, as found in PATH)
    try:
        yield broker
    finally:
        broker.kill()
        broker.wait(_STOP_SECONDS)


@contextmanager
def _never_outliving_us(broker: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have the broker killed even when we are: a shell waits for the end of its input, which comes with ours."""
    script = ["/bin/sh", "-c", 'read -r _; kill -KILL "$1" 2>/dev/null', "watcher", str(broker.pid)]
    watcher = subprocess.Popen(script, stdin=subprocess.PIPE)  # noqa: S603 (the line above)
    try:
        yield
    finally:
        watcher.communicate(timeout=_STOP_SECONDS)
