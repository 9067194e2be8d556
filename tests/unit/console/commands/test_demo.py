from __future__ import annotations

import sys
from pathlib import Path

import pytest

from console.commands.demo import _empty
from tests.unit.console.calling import called


def _files(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def test_the_demos_own_folder_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a former demo left is gone at the next one, a link is not followed, and we may stand in the folder."""
    folder, elsewhere = tmp_path / "var" / "demo", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    _empty(folder)
    marker = _files(folder)
    (folder / "archive").mkdir()
    for name in ("worker.log", "archive/reply.m4a"):
        (folder / name).touch()
    (folder / "link").symlink_to(elsewhere)
    monkeypatch.chdir(folder)
    _empty(Path.cwd())
    assert (_files(folder), _files(Path.cwd()), len(marker)) == (marker, marker, 1)
    assert _files(elsewhere) == ["theirs"]


@pytest.mark.parametrize("names", [["worker.log", "thesis.txt"], ["made-by-voicememo-demo.txt"]])
def test_a_folder_of_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    """A folder without the demo's own mark is left as it is, whatever its files are called; the one we are in too."""
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    for folder in (str(tmp_path), "."):
        result = called("demo", "--folder", folder)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "choose another --folder, or delete it yourself" in result.stderr
    assert _files(tmp_path) == sorted(names)


@pytest.mark.parametrize(("name", "words"), [("afile", "is no folder"), ("afile/below", "Not a directory")])
def test_what_cannot_be_a_folder(tmp_path: Path, name: str, words: str) -> None:
    """A plain file, or a place where no folder can be made, is reported in one line."""
    (tmp_path / "afile").write_text("mine")
    result = called("demo", "--folder", str(tmp_path / name))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert words in result.stderr
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_broker_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra that brings its broker, the demo names the extra, and leaves the folder alone."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    for name in ("console.demo.demo", "sandbox.broker"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    result = called("demo", "--folder", str(tmp_path / "demo"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pip install 'voicememo[demo]'" in result.stderr
    assert not (tmp_path / "demo").exists()
