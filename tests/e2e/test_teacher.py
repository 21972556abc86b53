"""The command line with teacher records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("name", ["hcpe", "hcpe3", "psv"])
def test_records_become_teacher_records_and_come_back(
    maou_run: Any, records: Path, tmp_path: Path, name: str
) -> None:
    first = tmp_path / f"first.{name}"
    done = maou_run("convert", records, "--to", name, "-o", first)
    # The generated games lack some evals, and some have no result.
    assert done.returncode in (0, 1), done.stderr
    assert f" as {name.upper()}, " in done.stdout
    out = tmp_path / "data"
    done = maou_run("convert", first, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    again = tmp_path / "again"
    done = maou_run("convert", out, "--to", name, "-o", again, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["kind"], report["left_out"]) == ("export", {})
    assert again.read_bytes() == first.read_bytes()
    info = json.loads(maou_run("info", out, "--json").stdout)
    n_loose = info["loose_positions"]
    assert (n_loose == info["positions"]) == (name != "hcpe3")
    text = maou_run("info", out).stdout
    assert ("positions file" in text) == (name != "hcpe3")
    done = maou_run("verify", out)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_what_is_left_out_is_told(maou_run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csa").write_text("V2.2\nPI\n+\n+7776FU\n'** 30\n-3334FU\n%TORYO\n")
    out = tmp_path / "a.hcpe"
    done = maou_run("convert", tmp_path / "a.csa", "--to", "hcpe", "-o", out)
    assert done.returncode == 1
    told = "left out 1 position without an eval; --missing-eval CP gives them one\n"
    assert done.stdout.endswith(told)
    assert out.stat().st_size == 38
    again = ["convert", tmp_path / "a.csa", "--to", "hcpe", "-o", out]
    done = maou_run(*again, "--missing-eval", "0")
    assert done.returncode == 2
    assert "expected a new name, found a file; --force replaces it" in done.stderr
    done = maou_run(*again, "--missing-eval", "0", "--force")
    assert (done.returncode, out.stat().st_size) == (0, 76)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "kif"], "argument --from: invalid choice: 'kif'"),
        (["--missing-eval", "0"], "no effect where a dataset is written"),
        (["--to", "hcpe", "--prune"], "no effect where hcpe is written"),
        (["--to", "hcpe", "--missing-eval", "32768"], "found `32768`"),
        (["--to", "psv", "--missing-eval", "1.5"], "found `1.5`"),
        (["--to", "usi", "--from", "psv"], "no effect where text is written"),
    ],
)
def test_options_that_mean_nothing(
    maou_run: Any, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = maou_run("convert", tmp_path, "-o", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
