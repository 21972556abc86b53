"""How `uv run` reacts to edits: are they picked up, in which profile, how fast?

Works in a clone of this checkout's last commit; the edit is a message of maou_shogi.
Exits with 1 when an edit is missed or the profile changes.

    python benches/rebuild.py
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parent.parent
EDITED = Path("crates/maou_shogi/src/mv.rs")
# A crate that only the bindings use, and the bindings.
LEAF = Path("crates/maou_index/src/lib.rs")
BINDINGS = Path("packages/maou-rust/src/lib.rs")
OLD, NEW = "expected a move such as", "expected some move such as"
PROBE = """
import maou_rust
from maou_rust import maou_shogi
try:
    maou_shogi.play_usi(maou_shogi.start_sfen(), "nonsense")
except maou_rust.RecordError as error:
    print(maou_rust.build_info()["profile"], "|", error)
"""


def uv_run(clone: Path, *words: str) -> tuple[float, str]:
    """Run a command through uv in the clone; returns seconds and its output."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "VIRTUAL"))}
    start = time.perf_counter()
    result = subprocess.run(
        ["uv", "run", "--locked", *words],
        cwd=clone,
        env=env | {"UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - start, result.stdout.strip()


def touched(clone: Path, path: Path) -> tuple[float, str]:
    """Edit a file, and see how long the next `uv run` takes and what it prints."""
    text = (clone / path).read_text(encoding="utf-8")
    (clone / path).write_text(text + "\n// An edit.\n", encoding="utf-8")
    return uv_run(clone, "python", "-c", PROBE)


def main() -> int:
    """Print the table; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="maou-rebuild-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        cold, before = uv_run(clone, "python", "-c", PROBE)
        noop = statistics.median(uv_run(clone, "true")[0] for _ in range(9))
        text = (clone / EDITED).read_text(encoding="utf-8")
        (clone / EDITED).write_text(text.replace(OLD, NEW), encoding="utf-8")
        base, after = uv_run(clone, "python", "-c", PROBE)
        leaf, still = touched(clone, LEAF)
        bindings, last = touched(clone, BINDINGS)
        shutil.rmtree(clone / "target", ignore_errors=True)
    print(f"{measure.machine()}; {measure.load()}:\n")
    print("| `uv run` | seconds |")
    print("|---|---:|")
    print(f"| first, cold build | {cold:.1f} |")
    print(f"| nothing changed (`uv run --locked true`, median of 9) | {noop:.3f} |")
    print(f"| after an edit of maou_shogi, which all crates use | {base:.1f} |")
    print(f"| after an edit of maou_index, a leaf | {leaf:.1f} |")
    print(f"| after an edit of the bindings only | {bindings:.1f} |")
    ok = before.startswith("daily") and OLD in before
    ok &= after.startswith("daily") and NEW in after
    ok &= after == still == last
    if not ok:
        print("expected the edit in the daily profile, found:")
        print(before, after, still, last, sep="\n")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
