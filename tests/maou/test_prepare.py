"""`maou prepare` and `maou.prepare`: datasets become a training set."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from maou_rust import DatasetError, UsageError, maou_io, maou_shogi

import maou

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {
    "key": pl.UInt64,
    "position": pl.Array(pl.UInt8, 32),
    "n": pl.UInt32,
    "weight": pl.Float32,
    "ply": pl.UInt16,
    "score": pl.Float32,
    "score_weight": pl.Float32,
    "eval_cp": pl.Float32,
    "eval_weight": pl.Float32,
    "moves": pl.List(pl.UInt16),
    "counts": pl.List(pl.UInt32),
    "move_weights": pl.List(pl.Float32),
    "move_scores": pl.List(pl.Float32),
    "move_evals_cp": pl.List(pl.Float32),
}


def rows_of(path: Path, split: str = "train") -> pl.DataFrame:
    """The rows of a split."""
    files = maou_io.training_files(path, split)
    return pl.concat([pl.read_ipc(file) for file in files])


def dataset_of(folder: Path, **texts: bytes) -> Path:
    """A dataset of record files, `a_csa` for `a.csa`."""
    records = folder / "records"
    records.mkdir(parents=True)
    for name, content in texts.items():
        (records / name.replace("_", ".")).write_bytes(content)
    maou_io.convert([records], folder / "data")
    return folder / "data"


def hcpe3(moves: list[tuple[str, int, dict[str, int]]], result: int) -> bytes:
    """A game of HCPE3: moves with evals and the visits of candidates."""

    def move16(usi: str) -> bytes:
        return int(maou.Move.from_usi(usi)).to_bytes(2, "little")

    game = maou.Board().hcp() + len(moves).to_bytes(2, "little") + bytes([result, 0])
    for usi, eval_cp, candidates in moves:
        game += move16(usi) + eval_cp.to_bytes(2, "little", signed=True)
        game += len(candidates).to_bytes(2, "little")
        for candidate, visits in candidates.items():
            game += move16(candidate) + visits.to_bytes(2, "little")
    return game


TWO = b"V2.2\nPI\n+\n+7776FU\n'** 100\n-3334FU\n'** -50\n%TORYO\n"
"""7g7f 3c3d, and Black resigns."""


def test_a_row_is_pinned(tmp_path: Path) -> None:
    second = b"V2.2\nPI\n+\n+7776FU\n'** 200\n-8384FU\n%HIKIWAKE\n"
    third = b"V2.2\nPI\n+\n+2726FU\n%CHUDAN\n"
    data = dataset_of(tmp_path, a_csa=TWO, b_csa=second, c_csa=third)
    report = maou.prepare(data, tmp_path / "train")
    rows = rows_of(tmp_path / "train")
    assert dict(rows.schema) == COLUMNS
    assert rows["key"].is_sorted()
    start = rows.filter(pl.col("ply") == 0).to_dicts()
    assert start == [
        {
            "key": 0xBED4F1A2A033E1BC,
            "position": list(maou.Board().hcp()),
            "n": 3,
            "weight": 3.0,
            "ply": 0,
            "score": 0.25,
            "score_weight": 2.0,
            "eval_cp": 150.0,
            "eval_weight": 2.0,
            "moves": [1934, 7739],
            "counts": [1, 2],
            "move_weights": [1.0, 2.0],
            "move_scores": [None, 0.25],
            "move_evals_cp": [None, 150.0],
        }
    ]
    (white,) = rows.filter(pl.col("ply") == 1).to_dicts()
    # 3c3d and 8c8d as Black would see them, whose side is now that of White.
    usi = maou.to_usi(pl.Series(white["moves"], dtype=pl.UInt16)).to_list()
    assert sorted(usi) == ["2g2f", "7g7f"]
    assert white["score"] == 0.75
    assert white["eval_cp"] == -50.0 if white["eval_cp"] < 0 else 50.0
    board = maou.Board.from_hcp(bytes(white["position"]))
    assert board.sfen().split()[1] == "b"
    assert report["train"]["scores"] == {"win": 1, "draw": 2, "loss": 1, "unknown": 1}
    assert report["train"]["n_repeated_rows"] == 2


def test_no_game_is_on_both_sides_and_none_moves(dataset: Path, tmp_path: Path) -> None:
    games = maou.Dataset(dataset).games.select("id", "moves").collect()
    n_moves = {
        side: games.filter((pl.col("id") % 10_000 < 3000) == is_held)["moves"]
        .list.len()
        .sum()
        for side, is_held in (("train", False), ("validation", True))
    }
    report = maou.prepare(dataset, tmp_path / "all", validation=0.3)
    for side, n in n_moves.items():
        assert report[side]["n_occurrences"] == n  # type: ignore[literal-required]
        assert rows_of(tmp_path / "all", side)["n"].sum() == n
    # Half of the games: what is held back of them was held back before.
    maou.prepare(dataset, tmp_path / "half", validation=0.3, max_games=30)
    half = rows_of(tmp_path / "half", "validation")["key"]
    assert half.is_in(rows_of(tmp_path / "all", "validation")["key"].implode()).all()


def test_copies_count_once(tmp_path: Path) -> None:
    loud = TWO.replace(b"100", b"300")
    first = dataset_of(tmp_path / "1", b_csa=loud, a_csa=TWO)
    second = dataset_of(tmp_path / "2", a_csa=loud)
    report = maou.prepare([first, second], tmp_path / "t", weights=[0.5, 2])
    assert report["left_out"]["duplicate_games"] == 2
    rows = rows_of(tmp_path / "t").sort("ply")
    assert rows["n"].to_list() == [1, 1]
    # That of the first source of the first dataset.
    assert rows["eval_cp"][0] == 100.0
    assert rows["weight"].to_list() == [0.5, 0.5]
    maou.prepare([second, first], tmp_path / "u", weights={str(second): 2})
    assert rows_of(tmp_path / "u").sort("ply")["eval_cp"][0] == 300.0


def test_visits_are_shared_among_candidates(tmp_path: Path) -> None:
    moves = [
        ("7g7f", 50, {"2g2f": 30, "7g7f": 60, "5g5f": 10}),
        ("5c5d", -20, {"3c3d": 3, "5c5d": 1}),
        ("2g2f", 0, {}),
    ]
    data = dataset_of(tmp_path, a_hcpe3=hcpe3(moves, 1))
    report = maou.prepare(data, tmp_path / "v", policy="visits")
    assert report["left_out"]["unsearched"] == 1
    rows = rows_of(tmp_path / "v").sort("ply")
    usi = [maou.to_usi(row).to_list() for row in rows["moves"]]
    start = dict(zip(usi[0], rows["move_weights"][0], strict=True))
    assert start == pytest.approx({"2g2f": 0.3, "7g7f": 0.6, "5g5f": 0.1})
    counts = dict(zip(usi[0], rows["counts"][0], strict=True))
    assert counts == {"2g2f": 0, "7g7f": 1, "5g5f": 0}
    # White's candidates stand there as Black would see them; P5d is where it was.
    white = dict(zip(usi[1], rows["move_weights"][1], strict=True))
    assert white == pytest.approx({"7g7f": 0.75, "5g5f": 0.25})
    scores = dict(zip(usi[1], rows["move_scores"][1], strict=True))
    assert scores == {"7g7f": None, "5g5f": 0.0}
    maou.prepare(data, tmp_path / "m")
    assert rows_of(tmp_path / "m")["n"].sum() == 3


def test_filters(dataset: Path, tmp_path: Path) -> None:
    games = maou.Dataset(dataset).games.collect()

    def n_of(frame: pl.DataFrame) -> int:
        return int(frame["moves"].list.len().sum())

    def made(**options: Any) -> int:
        report = maou.prepare(dataset, tmp_path / "t", force=True, **options)
        return report["train"]["n_occurrences"]

    decided = games.filter(pl.col("result").is_in([1, 2]))
    assert made(results=[1, maou.GameResult.WHITE_WINS]) == n_of(decided)
    resigned = games.filter(pl.col("ending") == "resign")
    assert made(endings=["resign"]) == n_of(resigned)
    assert made(filter="ending = 'resign'") == n_of(resigned)
    assert made(filter=pl.col("moves").list.len() > 60) == n_of(
        games.filter(pl.col("moves").list.len() > 60)
    )
    assert made(max_games=7) == n_of(games.head(7))
    rated = games.filter(
        pl.col("black_rating").is_between(2000, 3500)
        & pl.col("white_rating").is_between(2000, 3500)
    )
    assert 0 < rated.height < games.height
    assert made(rating=(2000, 3500)) == n_of(rated)
    positions = pl.DataFrame(maou.Dataset(dataset).positions())
    late = positions.filter(pl.col("ply") >= 20)
    assert made(ply=(20, None)) == late.height
    near = positions.filter(pl.col("eval_cp").is_between(-200, 200))
    assert made(eval_cp=(-200, 200)) == near.height


def test_a_test_set_is_kept_out(dataset: Path, tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()
    for n, text in enumerate(maou_shogi.generate(3, seed=7)):
        (records / f"{n}.csa").write_bytes(text)
    maou_io.convert([records], tmp_path / "test")
    known = pl.DataFrame(maou.Dataset(tmp_path / "test").positions())
    keys = (known["key"] // 2 * 2).unique()
    report = maou.prepare(dataset, tmp_path / "a", exclude=tmp_path / "test")
    assert report["left_out"]["games_excluded"] == 3
    assert report["left_out"]["positions_excluded"] > 0
    rows = rows_of(tmp_path / "a")
    assert not rows["key"].is_in(keys.implode()).any()
    # A training set excludes the positions, and knows no games.
    maou.prepare(tmp_path / "test", tmp_path / "b", validation=0.5)
    maou.prepare(dataset, tmp_path / "c", exclude=[tmp_path / "b"])
    assert rows_of(tmp_path / "c").equals(rows)
    info = maou_io.training_info(tmp_path / "c")
    assert [entry["name"] for entry in info["excluded"]] == ["b"]


def test_loose_positions_go_where_their_file_is_named(tmp_path: Path) -> None:
    record = maou.Board().hcp() + bytes(2)
    record += int(maou.Move.from_usi("7g7f")).to_bytes(2, "little") + bytes([1, 0])
    board = maou.Board()
    board.push_usi("7g7f")
    other = board.hcp() + bytes([37, 0])
    other += int(maou.Move.from_usi("3c3d")).to_bytes(2, "little") + bytes([1, 0])
    data = dataset_of(tmp_path, a_hcpe=2 * record, b_hcpe=other)
    report = maou.prepare(
        data, tmp_path / "t", validation=0.9, validation_sources=["b.hcpe"]
    )
    assert report["train"]["n_loose_positions"] == 2
    (row,) = rows_of(tmp_path / "t", "validation").to_dicts()
    assert (row["n"], row["ply"], row["score"]) == (1, 65_535, 0.0)
    with pytest.raises(UsageError, match="--validation-source: expected a source of"):
        maou.prepare(data, tmp_path / "u", validation_sources=["c.hcpe"])
    report = maou.prepare(data, tmp_path / "v", results=[1], validation=0.5)
    assert "nothing is in validation" in report["warnings"][0]


@pytest.mark.parametrize(("sign", "n_warnings"), [(1, 0), (-1, 1)])
def test_evals_of_black_are_told(tmp_path: Path, sign: int, n_warnings: int) -> None:
    board = maou.Board()
    black = board.hcp()
    board.push_usi("7g7f")
    white = board.hcp()

    def record(hcp: bytes, usi: str, eval_cp: int, result: int) -> bytes:
        move = int(maou.Move.from_usi(usi)).to_bytes(2, "little")
        value = eval_cp.to_bytes(2, "little", signed=True)
        return hcp + value + move + bytes([result, 0])

    content = b""
    for n in range(3000):
        # Evals of Black's view, which are wrong one time in four.
        result = 1 + n % 2
        eval_cp = (300 if result == 1 else -300) * (1 if n % 8 < 6 else -1)
        content += record(black, "7g7f", eval_cp, result)
        content += record(white, "3c3d", -sign * eval_cp, result)
    data = dataset_of(tmp_path, a_hcpe=content)
    report = maou.prepare(data, tmp_path / "t")
    assert report["balance"][0]["black"]["correlation"] == pytest.approx(0.5, abs=0.01)
    correlation = report["balance"][0]["white"]["correlation"]
    assert correlation == pytest.approx(sign * 0.5, abs=0.01)
    assert len(report["warnings"]) == n_warnings
    for warning in report["warnings"]:
        assert warning.startswith(f"{data}: evals look like Black's view, expected")


def test_the_command(maou_run: Any, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "train"
    done = maou_run(
        "prepare", dataset, "-o", out, "--validation", "30%", "--report",
        "--eval", "-30000..30000", "--weight", f"{dataset}=0.5",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "validation and in train, too" in done.stdout
    assert "eval with result" in done.stdout
    assert done.stdout.endswith(f"next: maou info {out}\n")
    info = maou_run("info", out)
    assert (info.returncode, info.stderr) == (0, "")
    assert info.stdout.startswith(f"training set   {out}\n")
    assert "x 0.5 (" in info.stdout
    facts = json.loads(maou_run("info", out, "--json").stdout)
    assert facts["kind"] == "training-set"
    assert facts["options"]["selection"]["eval_cp"] == {"min": -30000, "max": 30000}
    verified = maou_run("verify", out)
    assert verified.stdout.endswith("rows: all right\n"), verified.stdout
    again = maou_run("prepare", dataset, "-o", out)
    assert again.returncode == 2
    assert "found a training set: `--force` replaces it" in again.stderr
    report = json.loads(
        maou_run("prepare", dataset, "-o", out, "--force", "--json").stdout
    )
    assert report["kind"] == "prepare"
    assert report["validation"]["n_rows"] == 0


def test_what_cannot_be_used(dataset: Path, tmp_path: Path) -> None:
    train = tmp_path / "train"
    maou.prepare(dataset, train)

    def fails(match: str, *data: Path, **options: Any) -> None:
        with pytest.raises(UsageError, match=match):
            maou.prepare(list(data), tmp_path / "new", **options)
        assert not (tmp_path / "new").exists()

    fails("expected a dataset, found a training set: .* name the dataset that", train)
    fails("expected a dataset, found none$")
    fails("found none: `maou convert .* makes one", tmp_path)
    fails("found no such file", tmp_path / "nothing")
    fails("--memory: expected at least .*MB for", dataset, memory=0)
    fails("expected each dataset once", dataset, dataset)
    fails("a weight above 0, found `0`", dataset, weights=[0])
    fails("a weight above 0, found `-1`", dataset, weights={str(dataset): -1})
    fails("weights: expected the datasets .*, found `x`", dataset, weights={"x": 1})
    fails("expected a share|found `1.5`", dataset, validation=1.5)
    fails("found `1e-06`", dataset, validation=1e-6)
    fails("filter: expected an expression", dataset, filter="nothing > 1")
    fails("filter: expected an expression", dataset, filter="result >")
    fails("filter: expected a condition", dataset, filter="result")
    fails("found none: left out were 60 games by a filter", dataset, filter="false")
    fails("found none: left out were .* positions", dataset, ply=(60_000, None))
    fails("policy: expected moves or visits", dataset, policy="x")
    fails("compression: expected zstd", dataset, compression="x")
    fails("expected positions to learn from, found all", dataset, validation=1.0)
    with pytest.raises(UsageError, match="found a training set: `--force`"):
        maou.prepare(dataset, train)
    with pytest.raises(UsageError, match=r"expected another folder"):
        maou.prepare(dataset, dataset, force=True)
    with pytest.raises(UsageError, match="found a training set: open it with"):
        maou.Dataset(train)
    with pytest.raises(UsageError, match=r"found a dataset: `maou prepare"):
        maou_io.training_info(dataset)
    with pytest.raises(UsageError, match="found no such file"):
        maou_io.training_info(tmp_path / "nothing")


def test_sets_that_are_not_whole(dataset: Path, tmp_path: Path) -> None:
    train = tmp_path / "train"
    maou.prepare(dataset, train)
    path = train / "train-00000.feather"
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(DatasetError, match=r"damaged: expected a file of .* --force"):
        maou_io.training_info(train)
    path.write_bytes(content)
    manifest = train / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(
        text.replace('"training_schema_version": 1', '"training_schema_version": 2')
    )
    with pytest.raises(
        UsageError, match=r"schema version 1 .*, found 2: .* upgrade maou"
    ):
        maou_io.training_info(train)
    manifest.write_text(text.replace('"n_rows"', '"n_row"', 1))
    with pytest.raises(DatasetError, match="damaged: expected a training set's"):
        maou_io.training_info(train)
    # A file of a dataset, under the name that the manifest tells.
    manifest.write_text(text)
    other = next(dataset.glob("games-*.feather"))
    shutil.copy(other, path)
    with pytest.raises(DatasetError, match="damaged: expected"):
        maou_io.training_info(train)


KILLED = """
import sys
import maou
maou.prepare(sys.argv[1], sys.argv[2], validation=0.2, force=True, memory=200_000)
"""


def test_killed_runs_leave_the_old_set_or_the_new_one(
    dataset: Path, tmp_path: Path
) -> None:
    train = tmp_path / "train"
    maou.prepare(dataset, train)
    known = {maou_io.training_info(train)["manifest_xxh3"]}
    maou.prepare(dataset, tmp_path / "new", validation=0.2)
    known.add(maou_io.training_info(tmp_path / "new")["manifest_xxh3"])
    command = [sys.executable, "-c", KILLED, str(dataset), str(train)]
    for n in range(12):
        process = subprocess.Popen(command)
        time.sleep(0.05 + 0.02 * n)
        process.kill()
        process.wait()
        info = maou_io.training_info(train)
        assert info["manifest_xxh3"] in known
        assert maou_io.verify_training(train)["n_problems"] == 0
    subprocess.run(command, check=True)
    names = {path.name for path in train.iterdir()}
    assert names == {path.name for path in (tmp_path / "new").iterdir()}
    for name in names:
        assert (train / name).read_bytes() == (tmp_path / "new" / name).read_bytes()
