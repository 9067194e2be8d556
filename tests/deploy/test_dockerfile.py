"""The image: what its Dockerfile promises, and what its steps make, in a clean folder and as a stranger."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console.fixture import wrap
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load
from runtime.settings.variables import redacted_values, secrets_of
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.mind import ScriptedMind
from tests.deploy import dockerfile
from tests.deploy.compose import BASE, read
from tests.deploy.dockerfile import BUILD, RUN, only, steps, variables
from tests.harness import processes
from tests.harness.needs import missing
from tests.harness.paths import MEMOS, ROOT
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 10001
MEMO = MEMOS / "en-call-me.caf"
PATIENCE_SECONDS = 60.0
BUILDERS = ("pip", "setuptools", "wheel", "hatchling", "editables")


def test_base_is_one_exact_tag() -> None:
    """Both stages stand on one base, named by its full version."""
    (base,) = [step.text for step in steps() if step.word == "ARG"]
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", base)
    assert [step.text for step in steps() if step.word == "FROM"] == [f"${{BASE}} AS {BUILD}", f"${{BASE}} AS {RUN}"]


def test_nothing_comes_without_its_hash() -> None:
    """What pip fetches is held against hashes, nothing is built in an isolation that fetches by itself."""
    commands = [part for step in only("RUN", BUILD) for part in step.text.split("&&") if "/bin/pip" in part]
    fetching = [command for command in commands if "-r deploy/" in command]
    assert len(fetching) == 2
    assert all("--require-hashes" in command for command in fetching)
    assert all("--no-build-isolation" in command for command in commands if " wheel " in command)
    assert all("--no-index" in command for command in commands if "install" in command and command not in fetching)
    for name in ("image.lock", "image-build.lock"):
        lock = (ROOT / "deploy" / name).read_text("utf-8")
        pins = re.findall(r"^[a-z0-9].*==.*$", lock, re.MULTILINE)
        assert pins
        assert all(pin.endswith("\\") for pin in pins), f"{name} has a pin without a hash"
        assert "://" not in lock


def test_locks_agree() -> None:
    """The image gets the versions that the tests run with."""
    tested = _pins(ROOT / "requirements-dev.lock")
    image = _pins(ROOT / "deploy" / "image.lock")
    assert image.items() <= tested.items()
    assert not image.keys() & set(BUILDERS)


def test_final_stage_is_bare() -> None:
    """The last stage runs as somebody who owns nothing but the spool, copies only what was built, and drops pip."""
    assert steps()[-1].stage == RUN
    (user,) = only("USER", RUN)
    (made,) = only("RUN", RUN)
    assert user.text == "voicememo"
    assert f"--uid {NOBODY}" in made.text
    assert "uninstall --yes" in made.text
    assert {"setuptools", "wheel", "pip"} <= set(made.text.split())
    assert [step.text for step in only("COPY", RUN)] == ["--from=build /opt/voicememo /opt/voicememo"]
    assert [step.text for step in only("VOLUME", RUN)] == [variables(RUN)["ARCHIVE_SPOOL"]]
    assert not [step for step in steps() if step.word == "ADD"]


def test_variables_are_ours() -> None:
    """The image sets no variable that the worker would not read, and no secret."""
    ours = {name: value for name, value in variables(RUN).items() if not name.startswith(("PYTHON", "PATH"))}
    settings = load(ours, complete=False)
    assert not secrets_of(settings)
    assert {name: text for name, text, _ in redacted_values(settings) if name in ours} == ours


def test_context_is_what_is_copied() -> None:
    """.dockerignore lets in exactly what the Dockerfile copies: neither secrets nor recordings reach the engine."""
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {source for step in only("COPY", BUILD) for source in step.text.split()[:-1]}
    assert let_in == copied
    assert all((ROOT / source).exists() for source in copied)


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """The image's environment, in a folder that everybody may read."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    try:
        yield dockerfile.build(folder, _python())
    finally:
        shutil.rmtree(folder)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_steps_make_an_environment(built: Path) -> None:
    """In a clean folder the first stage's steps make the command, without what builds, of the size that is stated."""
    command = [str(built / "bin" / "voicememo"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={})  # noqa: S603 (as built)
    assert said.stdout.startswith("voicememo, version ")
    packages = built / "lib" / "python3.11" / "site-packages"
    installed = {path.name.partition("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert len(installed) == len(_pins(ROOT / "deploy" / "image.lock")) + 1 - _for_other_machines(built)
    assert not installed & set(BUILDERS)
    megabytes = sum(path.lstat().st_size for path in built.rglob("*")) / 1e6
    (stated,) = re.findall(r"takes \*\*(\d+) MB\*\*", (ROOT / "docs" / "production.md").read_text("utf-8"))
    assert abs(megabytes - int(stated)) < 0.05 * int(stated), f"it takes {megabytes:.0f} MB"


@pytest.mark.proof
@pytest.mark.timeout(900)
async def test_stranger_runs_it(built: Path, unused_tcp_port: int) -> None:
    """As a user who may write to the spool and a temporary folder alone, it answers a memo, is healthy, and stops."""
    folder = built.parent.parent
    spool, temporary = folder / "owed", folder / "tmp"
    before = _owned_by_the_stranger(folder)
    for place in (spool, temporary):
        place.mkdir()
        os.chown(place, *_stranger())
    async with Sandbox(ScriptedMind()) as sandbox:
        with EmbeddedBroker() as broker:
            environment = {
                **variables(RUN),
                **processes.environment(temporary, sandbox=sandbox.environment(), broker=broker.bootstrap_servers),
                "PATH": f"{built / 'bin'}:/usr/bin:/bin",
                "ARCHIVE_SPOOL": str(spool),
                "VITALS_PORT": str(unused_tcp_port),
                "TMPDIR": str(temporary),
            }
            await _say(environment)
            (entry,), (command,) = only("ENTRYPOINT", RUN), only("CMD", RUN)
            worker = await _started([*entry.listed, *command.listed], environment)
            try:
                await until(lambda: sandbox.sent, seconds=PATIENCE_SECONDS)
                assert await _probed(environment) == 0
            finally:
                worker.terminate()
                assert await asyncio.wait_for(worker.wait(), PATIENCE_SECONDS) == 0
            assert await _probed(environment) == 1
    assert [sent.audio is not None for sent in sandbox.sent] == [True]
    assert not list(temporary.glob("voicememo-*"))  # but for the store, that is what it works with
    assert _owned_by_the_stranger(folder) - {spool, temporary, *temporary.rglob("*"), *spool.rglob("*")} == before


@pytest.mark.proof
@pytest.mark.timeout(900)
async def test_demo_upstreams_run(built: Path, unused_tcp_port: int) -> None:
    """The service `sandbox` finds code and fixtures where the Compose file mounts them, and becomes healthy."""
    service = read(BASE)["services"]["sandbox"]
    place = built.parent.parent / "demo"
    for source, target in (mount.split(":")[:2] for mount in service["volumes"]):
        assert target.startswith(f"{service['working_dir']}/")
        shutil.copytree(ROOT / source, place / Path(target).name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"PATH": f"{built / 'bin'}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*service["entrypoint"], *service["command"]]
    command[command.index("9099")] = str(unused_tcp_port)
    sandbox = await _started(command, environment, place)
    probe = [part.replace("9099", str(unused_tcp_port)) for part in service["healthcheck"]["test"][1:]]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await (await _started(probe, environment)).wait():
                assert sandbox.returncode is None
    finally:
        if sandbox.returncode is None:
            sandbox.terminate()
        assert await asyncio.wait_for(sandbox.wait(), PATIENCE_SECONDS) == 0


async def _say(environment: dict[str, str]) -> None:
    settings = load(environment)
    publisher = KafkaPublisher(settings.kafka.login())
    value = await asyncio.to_thread(wrap, MEMO, chat_id="c", message_id="1", person="+15550100001")
    await publisher.publish(settings.kafka.topic, key=b"c", value=value)
    await publisher.close()


async def _started(
    command: list[str], environment: dict[str, str], folder: Path = Path("/")
) -> asyncio.subprocess.Process:
    user, group = _stranger()
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None
    return await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        env=environment,
        user=user,
        group=group,
        extra_groups=[],
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _probed(environment: dict[str, str]) -> int:
    """Do what the engine does at each HEALTHCHECK; give the exit status."""
    (check,) = only("HEALTHCHECK", RUN)
    return await asyncio.wait_for((await _started(check.listed, environment)).wait(), PATIENCE_SECONDS)


def _stranger() -> tuple[int, int]:
    """Say as whom to run it: as the image's own user, where we may."""
    return (NOBODY, NOBODY) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def _owned_by_the_stranger(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.lstat().st_uid == NOBODY}


def _python() -> Path:
    """Find a Python 3.11 that others may run too, to stand for the base image's."""
    found = shutil.which("python3.11", path="/usr/local/bin:/usr/bin")
    python = Path(found or sys.executable)
    made = subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False)  # noqa: S603 (as found)
    if made.returncode != 0 or (found is None and sys.version_info[:2] != (3, 11)):
        missing("no Python 3.11 with venv stands for the image's")
    return python


def _for_other_machines(built: Path) -> int:
    """Count the pins of image.lock whose markers leave them out here."""
    wheels = {path.name.partition("-")[0].lower().replace("_", "-") for path in (built.parent / "wheels").glob("*.whl")}
    return len(_pins(ROOT / "deploy" / "image.lock").keys() - wheels)


def _pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,-]+\])?==([^ ;]+)", lock.read_text("utf-8"), re.MULTILINE)
    return {name.replace("_", "-").replace(".", "-"): version for name, version in found}
