"""`maou.evaluate` on datasets and files of HCPE, with models that need no library."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from maou_rust import maou_io

import maou
from maou.evaluation import _models, evaluate
from maou.evaluation._models import Model
from maou.evaluation._rows import DatasetRows, HcpeRows, Range, Wanted

if TYPE_CHECKING:
    from maou.policy import Scheme

CLASSES: Scheme = 2187
FIRST = np.sin(np.arange(81 * 8) * 0.7).reshape(81, 8)
SECOND = np.cos(np.arange(8 * CLASSES) * 0.3).reshape(8, CLASSES)


def outputs(board: Any, hand: Any) -> tuple[Any, Any]:
    """Made-up logits and values that depend on every number of the inputs."""
    board, hand = board.astype(np.float64), hand.astype(np.float64)
    hidden = np.tanh(board @ FIRST / 30 + hand.sum(axis=1, keepdims=True) / 9)
    value = 1 / (1 + np.exp(-hidden.sum(axis=1)))
    return (hidden @ SECOND).astype(np.float32), value.astype(np.float32)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path at which a model is found that needs neither torch nor onnxruntime."""
    path = Path("model")

    def open_model(asked: Path, **_: object) -> Model:
        assert asked == path
        return Model(
            path, "compact", CLASSES, lambda batch: outputs(*batch), {"kind": "made-up"}
        )

    monkeypatch.setattr("maou.evaluation.open_model", open_model)
    return path


@cache
def frame_of(dataset: Path) -> pl.DataFrame:
    """Every position with what the model says of it, computed one by one."""
    names = ["game", "ply", "hcp", "move", "result", "turn", "sfen"]
    names += ["black_rating", "white_rating"]
    frame = pl.DataFrame(maou.Dataset(dataset).positions(names))
    rows = []
    for row in frame.iter_rows(named=True):
        board = maou.Board(row["sfen"])
        positions = maou.PositionArray.from_boards([board])
        (policy,), (value,) = outputs(*positions.features("compact"))
        label = int(positions.labels([row["move"]])[0])
        legal = positions.legal_masks()[0]
        score = {0: 0.5, 1: 1.0 - row["turn"], 2: float(row["turn"])}.get(row["result"])
        rating = row["black_rating"] if row["turn"] == 0 else row["white_rating"]
        masked = np.where(legal, policy, -np.inf)
        rows.append(
            {
                "game": row["game"],
                "ply": row["ply"],
                "rating": rating,
                "score": score,
                "value": float(value),
                "top1": int(policy.argmax()) == label,
                "top5": bool((policy > policy[label]).sum() < 5),
                "entropy": math.log(np.exp(policy.astype(float)).sum())
                - float(policy[label]),
                "legal_top1": int(masked.argmax()) == label,
                "legal_entropy": math.log(np.exp(policy[legal].astype(float)).sum())
                - float(policy[label]),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def check(found: Any, frame: pl.DataFrame) -> None:
    """Compare the metrics of some positions with their plainest computation."""
    assert found["top1"].value == pytest.approx(frame["top1"].mean())
    assert found["top5"].value == pytest.approx(frame["top5"].mean())
    assert found["policy_cross_entropy"].value == pytest.approx(
        frame["entropy"].mean(), rel=1e-5
    )
    known = frame.filter(pl.col("score").is_not_null())
    decided = known.filter(pl.col("score") != 0.5)
    assert (found["brier"] is None) == known.is_empty()
    if decided.is_empty():
        assert found["value_accuracy"] is None
    else:
        right = (decided["value"] > 0.5) == (decided["score"] > 0.5)
        assert found["value_accuracy"].value == pytest.approx(right.mean())
        assert found["value_accuracy"].n == decided.height
    if not known.is_empty():
        error = ((known["value"] - known["score"]) ** 2).mean()
        assert found["brier"].value == pytest.approx(error, rel=1e-5)
        bins = known.with_columns(bin=(pl.col("value") * 10).floor().clip(0, 9))
        gaps = bins.group_by("bin").agg(
            pl.col("value").mean() - pl.col("score").mean(), n=pl.len()
        )
        calibration = (gaps["value"].abs() * gaps["n"]).sum() / known.height
        assert found["calibration_error"].value == pytest.approx(calibration, rel=1e-4)


def test_figures_equal_brute_force(dataset: Path, model: Path) -> None:
    frame = frame_of(dataset)
    found = evaluate(model, dataset, n_resamples=20, batch_size=100)
    assert found.n_positions == frame.height
    check(found.scores, frame)
    assert sum(b.n for b in found.by_ply) == frame.height
    for bucket in found.by_ply:
        high = math.inf if bucket.high is None else bucket.high
        part = frame.filter(pl.col("ply").is_between(bucket.low, high))
        assert bucket.n == part.height
        check(bucket.scores, part)
    rated = frame.filter(pl.col("rating").is_not_null())
    assert sum(b.n for b in found.by_rating) == rated.height > 0
    for bucket in found.by_rating:
        high = math.inf if bucket.high is None else bucket.high
        part = rated.filter(pl.col("rating").round().is_between(bucket.low, high))
        assert bucket.n == part.height
        check(bucket.scores, part)


def test_the_policy_over_legal_moves(dataset: Path, model: Path) -> None:
    frame = frame_of(dataset)
    found = evaluate(model, dataset, legal=True, n_resamples=0).scores
    assert found["top1"] is not None
    assert found["policy_cross_entropy"] is not None
    assert found["top1"].value == pytest.approx(frame["legal_top1"].mean())
    assert found["policy_cross_entropy"].value == pytest.approx(
        frame["legal_entropy"].mean(), rel=1e-5
    )
    assert found["top1"].low is None


def test_ranges_choose_positions(dataset: Path, model: Path) -> None:
    frame = frame_of(dataset).filter(
        pl.col("ply").is_between(30, 60) & (pl.col("rating").round() >= 2000)
    )
    assert frame.height > 50
    found = evaluate(model, dataset, ply=(30, 60), rating=(2000, None))
    assert found.n_positions == frame.height
    check(found.scores, frame)


def test_neither_batches_nor_threads_matter(dataset: Path, model: Path) -> None:
    one = evaluate(model, dataset, n_resamples=40, batch_size=64, threads=1, seed=3)
    other = evaluate(model, dataset, n_resamples=40, batch_size=1000, threads=2, seed=3)
    for name, found in one.scores.items():
        assert found is not None
        assert other.scores[name] == pytest.approx(found, rel=1e-5)
    again = evaluate(model, dataset, n_resamples=40, batch_size=64, threads=1, seed=3)
    assert again == one
    assert evaluate(model, dataset, n_resamples=40, batch_size=64, seed=4) != one


def test_a_limit_takes_the_first(dataset: Path, model: Path) -> None:
    frame = frame_of(dataset).filter(pl.col("ply") >= 10).head(333)
    found = evaluate(model, dataset, ply=(10, None), limit=333, batch_size=50)
    assert found.n_positions == 333
    check(found.scores, frame)


def hcpe_of(dataset: Path, path: Path) -> Path:
    maou_io.export(dataset, path, format="hcpe", missing_eval=0)
    return path


def test_hcpe_is_measured_by_position(
    dataset: Path, model: Path, tmp_path: Path
) -> None:
    path = hcpe_of(dataset, tmp_path / "a.hcpe")
    found = evaluate(model, path, n_resamples=30, batch_size=77)
    # HCPE has no unknown results.
    games = maou.Dataset(dataset).games.filter(pl.col("result") < 3)
    ids = games.select("id").collect()["id"].to_list()
    frame = frame_of(dataset).filter(pl.col("game").is_in(ids))
    assert found.n_positions == frame.height
    check(found.scores, frame)
    assert (found.by_ply, found.by_rating) == ([], [])
    assert found.data["clustered_by"] == "position"
    assert "by position" in str(found)
    # Without its name, it is told by content.
    nameless = path.rename(tmp_path / "records.bin")
    same = evaluate(model, nameless, n_resamples=30, batch_size=77)
    assert (same.scores, same.reliability) == (found.scores, found.reliability)


def test_loose_positions_are_measured_behind_the_games(
    dataset: Path, model: Path, tmp_path: Path
) -> None:
    hcpe_of(dataset, tmp_path / "a.hcpe")
    (tmp_path / "b.csa").write_bytes(b"V2.2\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n")
    data = tmp_path / "data"
    maou_io.convert([tmp_path / "a.hcpe", tmp_path / "b.csa"], data)
    found = evaluate(model, data, n_resamples=10)
    loose = evaluate(model, tmp_path / "a.hcpe", n_resamples=10)
    assert found.n_positions == loose.n_positions + 2
    assert (found.data["games"], found.data["clustered_by"]) == (1, "game")
    assert [b.n for b in found.by_ply] == [2]
    table = str(found)
    assert f"{found.n_positions:,} positions" in table
    only_loose = tmp_path / "loose"
    maou_io.convert([tmp_path / "a.hcpe"], only_loose)
    same = evaluate(model, only_loose, n_resamples=10)
    assert same.data["clustered_by"] == "position"
    assert same.scores["top1"] == loose.scores["top1"]


def test_copies_of_a_game_are_one_game(tmp_path: Path, model: Path) -> None:
    record = b"V2.2\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n"
    (tmp_path / "a.csa").write_bytes(record)
    (tmp_path / "b.csa").write_bytes(record + b"/\n" + record)
    maou_io.convert([tmp_path / "a.csa", tmp_path / "b.csa"], tmp_path / "data")
    found = evaluate(model, tmp_path / "data", n_resamples=50)
    assert found.n_positions == 6
    assert found.scores["top1"] is not None
    assert found.scores["top1"].low is None


def test_a_bad_record_of_hcpe_is_named(
    dataset: Path, model: Path, tmp_path: Path
) -> None:
    path = hcpe_of(dataset, tmp_path / "a.hcpe")
    data = bytearray(path.read_bytes())
    data[38 * 99 + 34 : 38 * 99 + 36] = (0).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(maou.DatasetError, match=r"a\.hcpe: record 100: .*--from hcpe"):
        evaluate(model, path, batch_size=64)
    data[38 * 7 + 36] = 9
    path.write_bytes(data)
    with pytest.raises(
        maou.DatasetError, match="record 8: expected a result of 0 to 2"
    ):
        evaluate(model, path, batch_size=64)
    path.write_bytes(bytes(data[:-1]))
    message = "37 bytes more than .* records; `maou convert --from hcpe .*` makes a"
    with pytest.raises(maou.DatasetError, match=message):
        evaluate(model, path)


def test_what_is_nothing_to_measure_on(
    dataset: Path, records: Path, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(maou.DatasetError, match="found nothing"):
        evaluate(model, tmp_path / "none")
    record = next(records.glob("*.csa"))
    with pytest.raises(maou.UsageError, match="found something else: `maou convert"):
        evaluate(model, record)
    with pytest.raises(maou.UsageError, match="split `train`, found a dataset"):
        evaluate(model, dataset, split="train")
    with pytest.raises(maou.UsageError, match=r"of ply 9000\.\., found none among"):
        evaluate(model, dataset, ply=(9000, None))
    (tmp_path / "empty.hcpe").write_bytes(b"")
    with pytest.raises(maou.UsageError, match="found an empty hcpe"):
        evaluate(model, tmp_path / "empty.hcpe")
    with pytest.raises(maou.UsageError, match="--training-set TRAIN"):
        evaluate(model, dataset, unseen=True)


@pytest.mark.parametrize("source", [DatasetRows, HcpeRows])
def test_a_batch_is_no_longer_than_asked(
    source: type[DatasetRows] | type[HcpeRows], dataset: Path, tmp_path: Path
) -> None:
    path = dataset if source is DatasetRows else hcpe_of(dataset, tmp_path / "a.hcpe")
    wanted = Wanted("dlshogi", 1496, True, 100, 1)
    n = 0
    for rows in source(path).batches(wanted):
        assert 0 < len(rows.keys) <= 100
        assert rows.inputs[0].shape == (len(rows.keys), 62, 9, 9)
        assert rows.legal is not None
        assert rows.legal[rows.policy_rows, rows.policy_labels].all()
        assert not (rows.keys & np.uint64(1)).any()
        n += len(rows.keys)
    assert n == source(path).n_positions


def test_outputs_that_are_none_are_refused(dataset: Path) -> None:
    def check_of(policy: Any, value: Any, message: str) -> None:
        model = Model(Path("m.onnx"), "compact", CLASSES, lambda batch: (policy, value))
        with pytest.raises(maou.DatasetError, match=message):
            _models.checked_outputs(model, policy, value, 1000)

    logits = np.zeros((3, CLASSES), np.float32)
    good = np.array([0, 0.5, 1], np.float32)
    check_of(logits, np.array([0, 0.5, 3], np.float32), "after a sigmoid, found `3`")
    check_of(logits, np.array([0, np.nan, 1], np.float32), "NaN for position 1,002")
    logits[2, 5] = np.nan
    check_of(logits, good, "NaN for position 1,003")


def test_ranges_leave_out_what_is_not_known() -> None:
    numbers = np.array([-1, 0, 5, 9])
    assert Range(None, 5).holds(numbers).tolist() == [False, True, True, False]
    assert Range(5, None).holds(numbers).tolist() == [False, False, True, True]
    assert str(Range(5, None)) == "5.."
