"""What the benchmarks share: the machine in words, processes in time and memory."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent


def machine(*distributions: str) -> str:
    """Describe processor, memory, system and versions in one line."""
    memory_gib = psutil.virtual_memory().total / 2**30
    versions = [f"{name} {importlib.metadata.version(name)}" for name in distributions]
    parts = [
        f"{processor()}, {n_cores()} cores, {memory_gib:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        *versions,
    ]
    return "; ".join(parts)


def processor() -> str:
    """Name the processor as the system does."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def n_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> str:
    """Tell how busy the machine is already: figures of a busy one are worth little."""
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    return f"load before {os.getloadavg()[0]:.1f}"


def maou() -> str:
    """Find the `maou` command of this interpreter's environment."""
    command = shutil.which("maou", path=str(Path(sys.executable).parent))
    if command is None:
        sys.exit("expected the command `maou` beside the interpreter: `uv sync`")
    return command


def seconds(command: list[str], **options: object) -> float:
    """Run a command, which has to succeed, and return its wall time."""
    start = time.perf_counter()
    result = subprocess.run(  # type: ignore[call-overload]
        command, capture_output=True, text=True, check=False, **options
    )
    elapsed = time.perf_counter() - start
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {result.returncode}\n{result.stderr}")
    return elapsed


@dataclass(frozen=True)
class Sampled:
    """A run of which the memory was watched."""

    seconds: float
    peak_mb: float


def sampled(
    command: list[str], *, interval_s: float = 0.01, **options: object
) -> Sampled:
    """Run a command and watch the resident memory of its whole process tree.

    Watching takes time of its own: `seconds` is the measure for speed.
    """
    start = time.perf_counter()
    peak = 0
    with subprocess.Popen(  # type: ignore[call-overload]
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    ) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, tree_bytes(root), high_water_bytes(process.pid))
            time.sleep(interval_s)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {process.returncode}")
    return Sampled(time.perf_counter() - start, peak / 1e6)


def tree_bytes(root: psutil.Process) -> int:
    """Sum the resident memory of a process and all its descendants."""
    total = 0
    try:
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return total


def high_water_bytes(pid: int) -> int:
    """Ask Linux for the most resident memory that one process ever had.

    A short peak falls between two samples. The `ru_maxrss` of a waited-for child will
    not do: it keeps what the parent had when it forked.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return 1024 * int(fields.get("VmHWM", "0 kB").split()[0])


def table(header: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table; all columns but the first are numbers."""
    print("| " + " | ".join(header) + " |")
    print("|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()
