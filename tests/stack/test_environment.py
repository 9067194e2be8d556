"""The Compose file and `make stack` give workers the same environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from consumer.settings import Settings, load
from runtime.settings.variables import variables
from tests.deploy.compose import services
from tests.stack.environment import QUICK, Addresses, env_file, in_compose, of_worker

if TYPE_CHECKING:
    from pathlib import Path

HERE = Addresses("127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", "http://127.0.0.1:4")
OF_THIS_MACHINE = {
    *("KAFKA_BOOTSTRAP_SERVERS", "SUPABASE_URL", "SERIES_API_URL", "HF_WHISPER_URL", "HF_LLAMA_URL"),
    *("ELEVENLABS_BASE_URL", "CARTESIA_BASE_URL", "ARCHIVE_SPOOL", "VITALS_HOST", "VITALS_PORT"),
}
"""Variables that name a place."""


def test_compose_and_stack_agree(tmp_path: Path) -> None:
    """Name by name both have the same variables, and they differ only in where things are, and in two short times."""
    env = env_file(tmp_path / "secrets")
    there, here = in_compose(env), of_worker(env, HERE, tmp_path, 9090)
    assert here.keys() - QUICK.keys() == there.keys() - QUICK.keys()
    assert {name: here[name] for name in QUICK} == QUICK
    before, after = load(there), load(here)
    differing = {each.name for each in variables(Settings) if each.value(before) != each.value(after)}
    assert differing == OF_THIS_MACHINE | QUICK.keys()


def test_every_address_is_moved(tmp_path: Path) -> None:
    """No variable of the stack still names a service of the Compose file as a host."""
    env = env_file(tmp_path / "secrets")
    moved = of_worker(env, HERE, tmp_path, 9090)
    for service in services(env):
        left = {name for name, value in moved.items() if re.search(rf"(^|[/,@]){service}:\d", value)}
        assert not left, service
    assert sorted(value for value in moved.values() if value.startswith("http://127.0.0.1:3")) == [HERE.s3]
