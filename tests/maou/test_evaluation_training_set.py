"""`maou.evaluate` on training sets, and with positions that a model was trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from maou_rust import maou_io

import maou
from maou.evaluation import evaluate
from maou.evaluation._models import Model

if TYPE_CHECKING:
    from maou.policy import Scheme

CLASSES: Scheme = 1496


def outputs(board: Any, hand: Any) -> tuple[Any, Any]:
    """Made-up logits and values that depend on every number of the inputs."""
    seen = np.concatenate([board, hand], axis=1).astype(np.float64)
    hidden = np.sin(seen @ np.sin(np.arange(95 * 6) * 0.7).reshape(95, 6))
    logits = hidden @ np.cos(np.arange(6 * CLASSES) * 0.3).reshape(6, CLASSES)
    value = 1 / (1 + np.exp(-hidden.sum(axis=1)))
    return logits.astype(np.float32), value.astype(np.float32)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path at which a model is found that needs neither torch nor onnxruntime."""
    path = Path("model")

    def open_model(*_: object, **__: object) -> Model:
        return Model(path, "compact", CLASSES, lambda batch: outputs(*batch), {})

    monkeypatch.setattr("maou.evaluation.open_model", open_model)
    return path


@pytest.fixture(scope="session")
def training_set(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training set of `dataset` with a third of its games for validation."""
    out = tmp_path_factory.mktemp("training") / "train"
    maou_io.prepare(
        [(dataset, 1.0, None)], out, memory=100_000_000, validation_per_10000=3333
    )
    return out


def frame_of(path: Path, split: Any) -> pl.DataFrame:
    """Every row with what the model says of it, computed one by one."""
    rows = []
    table = maou.TrainingSet(path).rows(split).collect()
    for row in table.iter_rows(named=True):
        position = np.array(row["position"], np.uint8)[None]
        positions = maou.PositionArray.from_hcp(position)
        (policy,), (value,) = outputs(*positions.features("compact"))
        moves = np.array(row["moves"], np.uint16)
        repeated = positions[np.zeros(len(moves), np.int64)]
        labels = repeated.labels(moves, CLASSES)
        shares = np.array(row["move_weights"]) / sum(row["move_weights"])
        order = np.lexsort((np.arange(CLASSES), -policy))
        log_sum = math.log(np.exp(policy.astype(float)).sum())
        rows.append(
            {
                "ply": row["ply"],
                "score": row["score"],
                "value": float(value),
                "top1": float(shares[labels == order[0]].sum()),
                "top5": float(shares[np.isin(labels, order[:5])].sum()),
                "entropy": float((shares * (log_sum - policy[labels])).sum()),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


@pytest.mark.parametrize("split", ["validation", "train"])
def test_figures_equal_those_of_the_rows(
    split: Any, training_set: Path, model: Path
) -> None:
    frame = frame_of(training_set, split)
    found = evaluate(model, training_set, split=split, batch_size=100, n_resamples=20)
    assert found.n_positions == frame.height
    assert found.data["split"] == split
    scores = found.scores
    for name, column in (
        ("top1", "top1"),
        ("top5", "top5"),
        ("policy_cross_entropy", "entropy"),
    ):
        estimate = scores[name]
        assert estimate is not None
        assert estimate.value == pytest.approx(frame[column].mean(), rel=1e-4)
    known = frame.filter(pl.col("score").is_not_null())
    decided = known.filter(pl.col("score") != 0.5)
    right = (decided["value"] > 0.5) == (decided["score"] > 0.5)
    assert scores["value_accuracy"] is not None
    assert scores["value_accuracy"].n == decided.height
    assert scores["value_accuracy"].value == pytest.approx(right.mean())
    assert scores["brier"] is not None
    assert scores["brier"].value == pytest.approx(
        ((known["value"] - known["score"]) ** 2).mean(), rel=1e-4
    )
    for bucket in found.by_ply:
        high = math.inf if bucket.high is None else bucket.high
        part = frame.filter(pl.col("ply").is_between(bucket.low, high))
        assert bucket.n == part.height
    assert found.by_rating == []
    assert "by position" in str(found)


def test_the_usual_split_is_validation(training_set: Path, model: Path) -> None:
    usual = evaluate(model, training_set, n_resamples=0)
    assert usual.n_positions == maou.TrainingSet(training_set).n_rows("validation")
    assert "(training set, split validation)" in str(usual)


def test_an_empty_split_names_the_other(
    dataset: Path, model: Path, tmp_path: Path
) -> None:
    maou_io.prepare([(dataset, 1.0, None)], tmp_path / "train", memory=100_000_000)
    with pytest.raises(
        maou.UsageError, match="is empty: `--split train` names the oth"
    ):
        evaluate(model, tmp_path / "train")


def seen_rows(dataset: Path, training_set: Path) -> list[bool]:
    """Whether each position of a dataset, or its color twin, is in the train split."""
    rows = maou.TrainingSet(training_set).rows("train").collect()
    known = set(rows["key"].to_list())
    positions = maou.PositionArray.from_games(maou.Dataset(dataset).games).positions
    return [int(key) & ~1 in known for key in positions.keys().tolist()]


def test_positions_seen_in_training_are_counted_and_left_out(
    dataset: Path, training_set: Path, model: Path
) -> None:
    seen = seen_rows(dataset, training_set)
    assert 0 < sum(seen) < len(seen)
    found = evaluate(model, dataset, training_set=training_set, n_resamples=0)
    assert found.seen is not None
    assert (found.seen.n, found.seen.n_looked_up) == (sum(seen), len(seen))
    assert found.n_positions == len(seen)
    assert f"{sum(seen) / len(seen):.1%} of the positions are in" in str(found)
    fresh = evaluate(
        model, dataset, training_set=training_set, unseen=True, n_resamples=0
    )
    assert fresh.seen == found.seen
    assert fresh.n_positions == len(seen) - sum(seen)
    few = evaluate(
        model,
        dataset,
        training_set=training_set,
        unseen=True,
        limit=50,
        batch_size=64,
        n_resamples=0,
    )
    assert few.n_positions == 50
    assert few.seen is not None
    wanted = np.cumsum(~np.array(seen))
    n_read = int(np.searchsorted(wanted, 50)) + 1
    assert (few.seen.n, few.seen.n_looked_up) == (sum(seen[:n_read]), n_read)


def test_nothing_is_left_where_everything_was_seen(
    training_set: Path, model: Path
) -> None:
    found = evaluate(
        model, training_set, split="train", training_set=training_set, n_resamples=0
    )
    assert found.seen is not None
    assert found.seen.share == 1
    with pytest.raises(
        maou.UsageError, match="positions that the training set does not"
    ):
        evaluate(
            model, training_set, split="train", training_set=training_set, unseen=True
        )
