"""What a process and its children use, as /proc tells it (proc(5))."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds just now."""

    rss_bytes: int
    files: int
    """Open file descriptors, sockets among them."""
    sockets: int
    children: int


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process, and of those of its children that have ended."""
    return sum(int(each) for each in _stat(pid)[11:15]) / _TICKS


def peak_rss_bytes(pid: int) -> int:
    """Peak resident memory of a process alone."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def rss_bytes(pid: int) -> int:
    """Resident memory of a process alone."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def children(pid: int) -> list[int]:
    """Processes that it, or one of theirs, has started and not yet seen end."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(each) for each in path.read_text().split()]
        except OSError:  # the thread is gone meanwhile
            continue
    return [*found, *(grandchild for child in found for grandchild in children(child))]


def family_rss_bytes(pid: int) -> int:
    """Resident memory of a process and its children; pages that they share count for each."""
    total = rss_bytes(pid)
    for child in children(pid):
        try:
            total += rss_bytes(child)
        except OSError:  # it is gone meanwhile
            continue
    return total


def footprint(pid: int) -> Footprint:
    """Say what a process holds just now."""
    files = 0
    sockets = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:  # closed meanwhile
            continue
        files += 1
        sockets += target.startswith("socket:")
    return Footprint(rss_bytes(pid), files, sockets, len(children(pid)))


def is_alive(pid: int) -> bool:
    """Say whether there is such a process, ended or not."""
    return Path(f"/proc/{pid}").exists()


def machine() -> dict[str, float | int]:
    """Say how many cores there are, and how busy they are with what is not ours to measure."""
    one, five, _ = os.getloadavg()
    return {"cores": os.cpu_count() or 1, "load_1_minute": one, "load_5_minutes": five}


def busy_seconds() -> float:
    """CPU seconds of everything that runs on this machine, since it was started."""
    user, nice, system, _, _, *others = Path("/proc/stat").read_text().splitlines()[0].split()[1:8]
    return sum(map(int, (user, nice, system, *others))) / _TICKS


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/PID/stat from the third on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
