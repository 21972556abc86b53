"""`scripts/dev-init.sh` in a fresh clone and a fresh home, under a memory limit.

Prebuilt, with a server on loopback as the release page and the wheel of dist/, and from
source, with an empty target folder and an empty cache of sccache; then from source once
more, as after a switch. What the package indexes hold is in uv's and cargo's caches.

    python benches/dev_init.py [--limit-gib 4] [--group dev]
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import tempfile
import threading
from argparse import ArgumentParser
from pathlib import Path

import measure
from measure import extension, limited

RELEASE = "owner/name/releases/download/latest"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that logs nothing."""

    def log_message(self, *args: object) -> None:
        """Log nothing."""


def serve(site: Path) -> str:
    """Serve the wheel of dist/ as the release `latest`; returns the repository."""
    wheels = list((measure.ROOT / "dist").glob("maou_rust-*.whl"))
    if len(wheels) != 1:
        sys.exit(f"dist: expected one wheel of maou-rust, found {len(wheels)}")
    handler = functools.partial(Quiet, directory=str(site))
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{httpd.server_address[1]}"
    content = wheels[0].read_bytes()
    (site / RELEASE).mkdir(parents=True)
    (site / RELEASE / wheels[0].name).write_bytes(content)
    url = f"{address}/{RELEASE}/{wheels[0].name}"
    line = f"maou-rust @ {url}#sha256={hashlib.sha256(content).hexdigest()}\n"
    (site / RELEASE / "colab.txt").write_text(line, encoding="utf-8")
    return f"{address}/owner/name"


def cache_dir(*command: str) -> str:
    """Ask a tool for its cache."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    """Print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--limit-gib", type=float, default=4)
    parser.add_argument("--group", default="dev")
    arguments = parser.parse_args()
    limit_bytes = int(arguments.limit_gib * 2**30)
    version = extension.fetch()
    print(f"{measure.machine()}; {version}; {measure.load()};")
    print(f"{limited.how(limit_bytes)}:\n")
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="maou-dev-init-") as folder,
        socket.socket() as port,
    ):
        port.bind(("127.0.0.1", 0))
        work = Path(folder)
        home, site = work / "home", work / "site"
        home.mkdir()
        site.mkdir()
        clone = extension.clone(work / "clone")
        env = extension.environment(clone / "target")
        del env["CARGO_TARGET_DIR"]
        # A home of its own, but the caches and the toolchain that are there.
        env |= {
            "HOME": str(home),
            "UV_CACHE_DIR": cache_dir("uv", "cache", "dir"),
            "UV_PYTHON": sys.executable,
            "CARGO_HOME": os.environ.get("CARGO_HOME", str(Path.home() / ".cargo")),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
            "MAOU_REPOSITORY": serve(site),
            "SCCACHE_DIR": str(work / "sccache"),
            "SCCACHE_SERVER_PORT": str(port.getsockname()[1]),
            # Where no control group ends it, the server soon ends by itself.
            "SCCACHE_IDLE_TIMEOUT": "120",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        port.close()
        for name, way in (
            ("`--prebuilt`, fresh clone", "--prebuilt"),
            ("`--prebuilt`, again", "--prebuilt"),
            ("`--source`, empty target folder and cache", "--source"),
            ("`--source`, again", "--source"),
        ):
            command = ["bash", "scripts/dev-init.sh", way, "--group", arguments.group]
            run = limited.run(command, limit_bytes, env=env, cwd=clone)
            none = "" if run.anonymous_mb is None else f"{run.anonymous_mb:.0f}"
            rows.append([name, f"{run.seconds:.1f}", f"{run.peak_mb:.0f}", none])
    measure.table(["`scripts/dev-init.sh`", "s", "peak, MB", "no file's, MB"], rows)


if __name__ == "__main__":
    main()
