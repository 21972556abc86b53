"""Runs under a memory limit: a control group where Linux allows one, else watched.

A limit proves more than a sum of resident memory does: memory that processes share is
counted once, nothing falls between two samples, and what does not fit is killed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

MB = 1_000_000
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Limited:
    """A run under a limit: how long, and how much memory at most."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    anonymous_mb: float | None
    """Memory that is no file's; what a group's peak holds beyond it can be dropped."""


@dataclass(frozen=True)
class Group:
    """A control group for memory; `names` are its files in this version of Linux."""

    folder: Path
    limit: str
    peak: str
    anonymous: str

    def enter(self) -> None:
        """Move the calling process here, and so all that it starts."""
        (self.folder / "cgroup.procs").write_text("0", encoding="utf-8")

    def peak_mb(self) -> float:
        """The most memory that was in use, file caches among it."""
        return int((self.folder / self.peak).read_text(encoding="utf-8")) / MB

    def anonymous_mb(self) -> float:
        """Memory that belongs to no file, now."""
        text = (self.folder / "memory.stat").read_text(encoding="utf-8")
        fields = dict(line.split() for line in text.splitlines())
        return int(fields[self.anonymous]) / MB


def candidates() -> Iterator[Group]:
    """Groups that could be made: below this process's own, or beside it."""
    name = f"maou-bench-{os.getpid()}"
    text = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            own = CGROUPS / "memory" / path.lstrip("/")
            files = ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "total_rss")
            yield Group(own / name, *files)
        elif controllers == "":
            own = CGROUPS / path.lstrip("/")
            for folder in (own, own.parent):
                yield Group(folder / name, "memory.max", "memory.peak", "anon")


@contextlib.contextmanager
def group(limit_bytes: int) -> Iterator[Group | None]:
    """Make a control group of this limit, or give None where that is not allowed."""
    made = None
    with contextlib.suppress(OSError):
        for candidate in candidates():
            try:
                candidate.folder.mkdir()
            except OSError:
                continue
            try:
                limit = candidate.folder / candidate.limit
                limit.write_text(str(limit_bytes), encoding="utf-8")
            except OSError:
                candidate.folder.rmdir()
                continue
            made = candidate
            break
    try:
        yield made
    finally:
        if made is not None:
            remove(made)


def remove(made: Group) -> None:
    """Remove a group; processes that it still holds are ended."""
    for _ in range(100):
        procs = (made.folder / "cgroup.procs").read_text(encoding="utf-8").split()
        for pid in procs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        with contextlib.suppress(OSError):
            made.folder.rmdir()
            return
        time.sleep(0.1)


def how(limit_bytes: int) -> str:
    """Say what the figures of `run` are on this machine."""
    with group(limit_bytes) as made:
        if made is None:
            return (
                "memory is the largest sum of resident memory over the process tree;"
                " no limit was set, since this machine allows no control group"
            )
    return (
        f"under a limit of {limit_bytes / 2**30:.0f} GiB (control group); memory is"
        " the group's peak, file caches among it, and of that what is no file's"
    )


def run(
    command: list[str],
    limit_bytes: int,
    *,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Limited:
    """Run a command under a limit; it has to succeed."""
    before = os.times()
    start = time.perf_counter()
    peak_mb, anonymous_mb = 0.0, None
    # A file and not a pipe: a full pipe would stop the command.
    with group(limit_bytes) as made, tempfile.TemporaryFile() as log:
        enter = made.enter if made else None
        with subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env=env,
            cwd=cwd,
            preexec_fn=enter,  # noqa: PLW1509 -- one thread, and only a file is written
        ) as process:
            root = psutil.Process(process.pid)
            while process.poll() is None:
                if made is None:
                    peak_mb = max(peak_mb, measure.tree_bytes(root) / MB)
                else:
                    anonymous_mb = max(anonymous_mb or 0.0, made.anonymous_mb())
                time.sleep(0.02)
        seconds = time.perf_counter() - start
        if made is not None:
            peak_mb = made.peak_mb()
        if process.returncode != 0:
            log.seek(0)
            tail = log.read()[-2000:].decode(errors="replace")
            sys.exit(f"{' '.join(command)}: status {process.returncode}\n{tail}")
    after = os.times()
    cpu_seconds = after.children_user + after.children_system
    cpu_seconds -= before.children_user + before.children_system
    return Limited(seconds, cpu_seconds, peak_mb, anonymous_mb)
