"""Reads our Dockerfile, and runs the steps of its first stage in a clean folder, where no engine is at hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = ROOT / "Dockerfile"
BUILD, RUN = "build", "run"
"""The two stages."""

_STEP_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction."""

    stage: str | None
    """None before the first FROM."""
    word: str
    text: str

    @property
    def listed(self) -> list[str]:
        """What an instruction in exec form lists, options before it left out."""
        found: list[str] = json.loads(self.text[self.text.index("[") :])
        return found


def steps() -> list[Step]:
    """Read the Dockerfile: its instructions in order, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    found: list[Step] = []
    stage = None
    for instruction in filter(None, map(str.strip, "\n".join(lines).replace("\\\n", " ").splitlines())):
        word, _, text = instruction.partition(" ")
        if word == "FROM":
            stage = text.split()[-1]
        found.append(Step(stage, word, text.strip()))
    return found


def only(word: str, stage: str) -> list[Step]:
    """Give the instructions of one kind and stage."""
    return [step for step in steps() if (step.word, step.stage) == (word, stage)]


def variables(stage: str) -> dict[str, str]:
    """Give what a stage's ENV says."""
    pairs = [pair.partition("=") for step in only("ENV", stage) for pair in step.text.split()]
    return {name: value for name, _, value in pairs}


def build(root: Path, python: Path) -> Path:
    """Do what the first stage does below `root` instead of `/`; give the environment that the image would have.

    Args:
        root: an empty folder.
        python: stands for the base image's.
    """
    work, programs = root / "src", root / "bin"
    work.mkdir(parents=True)
    programs.mkdir()
    (programs / "python").symlink_to(python)
    environment = {**os.environ, **variables(BUILD), "PATH": f"{programs}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    for step in steps():
        if step.stage == BUILD and step.word == "COPY":
            *sources, target = step.text.split()
            _copy(sources, work / target)
        elif step.stage == BUILD and step.word == "RUN":
            command = step.text.replace("/opt/", f"{root}/opt/")
            subprocess.run(["/bin/sh", "-ec", command], cwd=work, env=environment, timeout=_STEP_SECONDS, check=True)  # noqa: S603 (our own Dockerfile)
    return root / "opt" / "voicememo"


def _copy(sources: list[str], target: Path) -> None:
    for source in map(ROOT.joinpath, sources):
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"), dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
