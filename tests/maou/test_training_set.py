"""`maou.TrainingSet`: batches are the rows, each once, in an order that is known."""

from __future__ import annotations

import gc
import json
import os
import pickle
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from maou_rust import DatasetError, UsageError, maou_io, maou_shogi

import maou

if TYPE_CHECKING:
    import numpy.typing as npt

N_GAMES = 1_000
"""Enough that the rows fill more than one record batch."""


def prepared(folder: Path, n_games: int, *, seed: int, per_10000: int = 500) -> Path:
    """A training set of generated games."""
    (folder / "records").mkdir(parents=True)
    texts = maou_shogi.generate(n_games, seed=seed, format="csa")
    (folder / "records/games.csa").write_bytes(b"/\n".join(texts))
    maou_io.convert([folder / "records"], folder / "data")
    maou_io.prepare(
        [(folder / "data", 1.0, None)],
        folder / "train",
        memory=1 << 26,
        validation_per_10000=per_10000,
    )
    return folder / "train"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a training set."""
    return prepared(tmp_path_factory.mktemp("training"), N_GAMES, seed=5)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a training set without validation rows."""
    return prepared(tmp_path_factory.mktemp("small"), 12, seed=6, per_10000=0)


@pytest.fixture
def damaged(small: Path, tmp_path: Path) -> Path:
    """A copy to do harm to."""
    return Path(shutil.copytree(small, tmp_path / "train"))


@pytest.fixture
def training_set(folder: Path) -> maou.TrainingSet:
    return maou.TrainingSet(folder)


def contents(batch: maou.Batch) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in batch.arrays().items()}


def everything(batches: maou.Batches) -> list[dict[str, bytes]]:
    with batches:
        return [contents(batch) for batch in batches]


def real_rows(batches: maou.Batches) -> npt.NDArray[np.uint64]:
    with batches:
        return np.concatenate([batch.row[batch.weight > 0] for batch in batches])


def test_there_is_more_than_one_record_batch(training_set: maou.TrainingSet) -> None:
    assert training_set.n_rows("train") > 65_536
    assert training_set.n_rows("validation") > 1_000
    assert training_set.info()["train"]["n_rows"] == training_set.n_rows("train")


@pytest.mark.parametrize(
    ("features", "policy", "classes"),
    [
        ("compact", "sparse", 2187),
        ("dlshogi", "dense", 1496),
        ("compact", "dense", 2187),
    ],
)
def test_batches_are_the_decoded_rows(
    training_set: maou.TrainingSet, features: Any, policy: Any, classes: Any
) -> None:
    table = training_set.rows("validation").collect()
    positions = maou.PositionArray.from_hcp(table["position"])
    batches = training_set.batches(
        96,
        split="validation",
        features=features,
        policy=policy,
        classes=classes,
        legal_mask=True,
        sample_weight="sqrt",
        seed=3,
        window=2,
        threads=2,
    )
    n_seen = 0
    for batch in batches:
        numbers = batch.row.astype(np.int64)
        rows, seen = table[numbers], positions[numbers]
        assert (batch.key == rows["key"].to_numpy()).all()
        assert (batch.n == rows["n"].to_numpy()).all()
        assert (batch.ply == rows["ply"].to_numpy()).all()
        for values, weights, name, otherwise in (
            (batch.value, batch.value_weight, "score", 0.5),
            (batch.eval_cp, batch.eval_weight, "eval_cp", 0.0),
        ):
            assert (weights == rows[name].is_not_null().to_numpy()).all()
            assert (values == rows[name].fill_null(otherwise).to_numpy()).all()
        n_real = int((batch.weight > 0).sum())
        roots = np.sqrt(batch.n.astype(np.float32))
        assert (batch.weight[n_real:] == 0).all()
        assert (batch.weight[:n_real] == roots[:n_real]).all()
        n_seen += n_real
        assert batch.legal is not None
        assert (batch.legal == seen.legal_masks(classes)).all()
        if features == "compact":
            first, second = seen.features("compact")
            np.testing.assert_array_equal(batch.board, first)
            np.testing.assert_array_equal(batch.hand, second)
            assert batch.input1 is None
        else:
            planes = seen.features("dlshogi")
            np.testing.assert_array_equal(batch.input1, planes.features1)
            np.testing.assert_array_equal(batch.input2, planes.features2)
        expected = np.zeros((96, classes), np.float32)
        flat = rows.with_row_index("row").select("row", "moves", "move_weights")
        flat = flat.explode("moves", "move_weights").drop_nulls()
        row = flat["row"].to_numpy()
        labels = seen[row].labels(flat["moves"].to_numpy(), classes)
        expected[row, labels] = flat["move_weights"].to_numpy()
        expected /= expected.sum(1, keepdims=True)
        found = batch.policy
        if found is None:
            found = np.zeros((96, classes), np.float32)
            assert batch.policy_rows is not None
            assert (np.diff(batch.policy_rows) >= 0).all()
            found[batch.policy_rows, batch.policy_labels] = batch.policy_weights
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert (batch.policy is None) == (policy == "sparse")
    assert n_seen == len(table)


def test_nothing_that_was_not_asked_for(training_set: maou.TrainingSet) -> None:
    with training_set.batches(8, features=None, policy=None) as batches:
        found = set(next(batches).arrays())
    few = {"value", "value_weight", "eval_cp", "eval_weight", "weight"}
    assert found == few | {"n", "ply", "key", "row"}


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_every_row_once_an_epoch_over_all_ranks(
    training_set: maou.TrainingSet, world_size: int
) -> None:
    ranks = [
        training_set.batches(
            1_000, rank=rank, world_size=world_size, features=None, policy=None
        )
        for rank in range(world_size)
    ]
    n = training_set.n_rows()
    assert {len(batches) for batches in ranks} == {-(-n // (1_000 * world_size))}
    rows = np.concatenate([real_rows(batches) for batches in ranks])
    assert (np.sort(rows) == np.arange(n)).all()


def test_processes_share_what_one_takes_alone(training_set: maou.TrainingSet) -> None:
    def batches(size: int, rank: int, world_size: int) -> maou.Batches:
        return training_set.batches(
            size, rank=rank, world_size=world_size, split="validation", seed=4
        )

    alone = batches(128, 0, 1)
    both = zip(batches(64, 0, 2), batches(64, 1, 2), strict=True)
    for one, parts in zip(alone, both, strict=True):
        real = [part.row[part.weight > 0] for part in parts]
        assert (one.row[one.weight > 0] == np.concatenate(real)).all()
        assert abs(len(real[0]) - len(real[1])) <= 1


def test_the_last_batch_is_filled_with_rows_of_weight_0(
    training_set: maou.TrainingSet,
) -> None:
    n = training_set.n_rows("validation")
    size = n - 7
    full, last = training_set.batches(size, split="validation")
    assert (full.weight == 1).all()
    assert len(last) == size
    assert last.weight.sum() == 7
    assert (last.weight[:7] == 1).all()
    assert (last.row[7:] == last.row[6]).all()
    assert last.policy_rows is not None
    assert np.bincount(last.policy_rows, minlength=size).min() >= 1
    (only,) = training_set.batches(size, split="validation", drop_last=True)
    assert contents(only) == contents(full)


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_nothing(training_set: maou.TrainingSet, threads: int) -> None:
    options: Any = {"window": 1, "legal_mask": True, "seed": 2}
    one = everything(training_set.batches(4_096, threads=1, **options))
    assert everything(training_set.batches(4_096, threads=threads, **options)) == one


def test_a_state_goes_on_to_the_bit(training_set: maou.TrainingSet) -> None:
    options: Any = {"split": "validation", "seed": 8, "policy": "dense"}
    with training_set.batches(256, epoch=2, **options) as batches:
        states, expected = [batches.state_dict()], []
        for batch in batches:
            expected.append(contents(batch))
            states.append(json.loads(json.dumps(batches.state_dict())))
    assert len(expected) > 4
    for step, state in enumerate(states):
        resumed = training_set.batches(256, **options, state=state)
        assert (resumed.epoch, resumed.step) == (2, step)
        if step < len(expected):
            assert everything(resumed) == expected[step:]
        else:
            with pytest.raises(StopIteration):
                next(resumed)
    # What was ahead is dropped, and iterating again begins the next epoch.
    batches = training_set.batches(256, epoch=2, **options)
    next(batches)
    batches.load_state_dict(states[3])
    assert [contents(batch) for batch in batches] == expected[3:]
    following = training_set.batches(256, epoch=3, **options)
    assert [contents(batch) for batch in batches] == everything(following)
    assert batches.epoch == 3


def test_the_same_state_fits_another_number_of_processes(
    training_set: maou.TrainingSet,
) -> None:
    alone = training_set.batches(64, split="validation")
    next(alone)
    state = alone.state_dict()
    half = training_set.batches(
        32, split="validation", rank=1, world_size=2, state=state, features="dlshogi"
    )
    assert (next(half).row == next(alone).row[32:]).all()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("seed", {"seed": 1}),
        ("window", {"window": 3}),
        ("shuffle", {"shuffle": False}),
        ("drop_last", {"drop_last": True}),
        ("split", {"split": "train"}),
        ("rows_of_a_step", {"world_size": 2}),
    ],
)
def test_a_state_of_another_order_is_refused(
    training_set: maou.TrainingSet, name: str, change: dict[str, Any]
) -> None:
    options: Any = {"split": "validation", "seed": 0}
    state = training_set.batches(64, **options).state_dict()
    with pytest.raises(UsageError, match=f"state: expected `{name}` .*begin anew"):
        training_set.batches(64, **(options | change), state=state)


def test_a_state_of_other_data_is_refused(
    training_set: maou.TrainingSet, small: Path
) -> None:
    state = training_set.batches(64).state_dict()
    with pytest.raises(
        UsageError, match=r"found that of other data: name the training"
    ):
        maou.TrainingSet(small).batches(64, state=state)
    with pytest.raises(UsageError, match=r"state: expected a step of at most"):
        training_set.batches(64, state={**state, "step": 1_000_000})
    with pytest.raises(UsageError, match="state: expected `version` 1, found `None`"):
        training_set.batches(64, state={})


def test_epochs_and_seeds_have_their_own_order(training_set: maou.TrainingSet) -> None:
    options: Any = {"features": None, "policy": None, "split": "validation"}
    orders = [
        real_rows(training_set.batches(512, seed=seed, epoch=epoch, **options))
        for seed, epoch in [(0, 0), (0, 1), (1, 0)]
    ]
    assert (orders[0] != orders[1]).any()
    assert (orders[0] != orders[2]).any()
    again = real_rows(training_set.batches(512, seed=0, epoch=1, **options))
    assert (again == orders[1]).all()
    plain = real_rows(training_set.batches(512, shuffle=False, **options))
    assert (plain == np.arange(len(plain))).all()


def test_rows_are_mixed(training_set: maou.TrainingSet) -> None:
    """The place of a row tells nothing of it, nor of its place in another epoch."""
    table = training_set.rows().select("ply", "score").collect()
    options: Any = {"features": None, "policy": None}
    rows = [real_rows(training_set.batches(512, epoch=e, **options)) for e in (0, 1)]
    n = len(table)
    # Five times the deviation of what is there by chance.
    limit = 5 / np.sqrt(n)
    place = np.arange(n)
    for order in rows:
        ply = table["ply"].to_numpy()[order].astype(float)
        assert abs(np.corrcoef(place, ply)[0, 1]) < limit
        assert abs(np.corrcoef(ply[1:], ply[:-1])[0, 1]) < limit
    places = [np.argsort(order) for order in rows]
    assert abs(np.corrcoef(places[0], places[1])[0, 1]) < limit


def test_batches_can_be_kept(training_set: maou.TrainingSet) -> None:
    options: Any = {"split": "validation", "seed": 1}
    expected = everything(training_set.batches(128, **options))
    batches = training_set.batches(128, **options)
    kept = list(batches)
    views = [batch.board[:, :40] for batch in kept if batch.board is not None]
    copy = kept[0].copy()
    batches.close()
    assert [contents(batch) for batch in kept] == expected
    assert contents(copy) == expected[0]
    boards = [bytes(np.asarray(view)) for view in views]
    del kept, batches
    gc.collect()
    assert [bytes(np.asarray(view)) for view in views] == boards


def test_a_loop_runs_in_few_buffers(training_set: maou.TrainingSet) -> None:
    starts = set()
    with training_set.batches(64, split="validation", prefetch=2) as batches:
        for batch in batches:
            starts.add(batch.key.__array_interface__["data"][0])
    assert len(starts) <= 3


def test_positions_are_found_by_key(training_set: maou.TrainingSet) -> None:
    train = training_set.rows("train").select("key").collect()["key"]
    validation = training_set.rows("validation").select("key").collect()["key"]
    others = np.array([0, 2**64 - 2], np.uint64)
    keys = np.concatenate([train.to_numpy()[::3], validation.to_numpy(), others])
    keys = np.random.default_rng(1).permutation(keys)
    found = training_set.contains(keys)
    assert (found == pl.Series(keys).is_in(train.implode()).to_numpy()).all()
    assert (training_set.contains(keys | np.uint64(1)) == found).all()
    one = training_set.contains(train.to_numpy()[7:8])
    assert one.tolist() == [True]
    assert training_set.contains(np.empty(0, np.uint64)).tolist() == []
    in_validation = training_set.contains(validation.to_numpy(), split="validation")
    assert in_validation.all()
    with pytest.raises(TypeError, match="keys: expected uint64"):
        training_set.contains([1, 2])


def test_rows_of_a_split_without_rows(small: Path, folder: Path) -> None:
    empty = maou.TrainingSet(small).rows("validation").collect()
    assert empty.height == 0
    assert empty.schema == maou.TrainingSet(folder).rows().collect_schema()
    assert (
        not maou.TrainingSet(small)
        .contains(np.arange(9, dtype="u8"), "validation")
        .any()
    )


def test_a_training_set_goes_to_other_processes(training_set: maou.TrainingSet) -> None:
    again = pickle.loads(pickle.dumps(training_set))
    assert again.path == training_set.path
    assert repr(again).startswith("TrainingSet(")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected 1 to 4194304, found `0`"),
        ({"batch_size": -1}, "batch_size: expected 0 or more, found `-1`"),
        ({"batch_size": 2.5}, "batch_size: expected a whole number, found `2.5`"),
        ({"classes": 2188}, "classes: expected 2187 or 1496, found `2188`"),
        (
            {"features": "half"},
            "features: expected `compact` or `dlshogi`, found `half`",
        ),
        ({"policy": "soft"}, "policy: expected `sparse` or `dense`, found `soft`"),
        ({"split": "test"}, "split: expected train or validation, found `test`"),
        ({"rank": 2, "world_size": 2}, "rank: expected a number below world_size, 2"),
        ({"window": 0}, "window: expected 1 to 32768 record batches, found `0`"),
        ({"sample_weight": "x"}, "sample_weight: expected `one`, `n`, `sqrt` or"),
        (
            {"split": "validation"},
            "found none; `maou prepare` makes a validation split",
        ),
        ({"batch_size": 4_000_000, "drop_last": True}, "drop_last leaves none"),
    ],
)
def test_options_that_make_no_batches(
    small: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        maou.TrainingSet(small).batches(**({"batch_size": 64} | options))
    assert message in str(raised.value)


def test_what_is_no_training_set(small: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"found a dataset: `maou prepare"):
        maou.TrainingSet(small.parent / "data")
    with pytest.raises(UsageError, match="expected a training set"):
        maou.TrainingSet(tmp_path)


def read(path: Path, **options: Any) -> None:
    everything(maou.TrainingSet(path).batches(64, **options))


def test_a_truncated_file_is_named(damaged: Path) -> None:
    file = damaged / "train-00000.feather"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=r"train-00000.feather: .*maou prepare"):
        read(damaged)
    file.unlink()
    with pytest.raises(DatasetError, match=r"train-00000.feather: .*maou prepare"):
        read(damaged)


@pytest.mark.parametrize("place", [0.001, 0.1, 0.4, 0.7, 0.95, 0.999])
def test_a_changed_byte_is_found(damaged: Path, place: float) -> None:
    file = damaged / "train-00000.feather"
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 0x10
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=r"train-00000.feather: .*maou prepare"):
        read(damaged)


def test_a_changed_key_is_found_before_it_is_looked_for(
    folder: Path, tmp_path: Path
) -> None:
    """Keys that are still in order say nothing of their damage; the hash does."""
    train = tmp_path / "train"
    maou.prepare(folder.parent / "data", train, compression="none")
    file = train / "train-00000.feather"
    intact = maou.TrainingSet(train)
    keys = intact.rows().select("key").collect()["key"].to_numpy()
    assert intact.contains(keys[500:501]).tolist() == [True]
    content = bytearray(file.read_bytes())
    place = content.find(keys[500:502].tobytes())
    assert place > 0
    content[place] ^= 2
    file.write_bytes(content)
    damaged = maou.TrainingSet(train)
    for wanted in (keys[500:501], keys[:1], keys):
        with pytest.raises(
            DatasetError, match=r"expected hash `.*maou prepare DATA -o"
        ):
            damaged.contains(wanted)
    # No key of the file is asked for: it is not looked into.
    assert not damaged.contains(np.array([0, 2**64 - 2], np.uint64)).any()
    # Who wants no check gets none.
    assert damaged.contains(keys[500:501], check=False).tolist() == [False]
    # It is compared once: what was looked into already is.
    assert intact.contains(keys[:9]).all()


def test_files_of_another_training_set_are_found(damaged: Path, folder: Path) -> None:
    name = "train-00000.feather"
    shutil.copy(folder / name, damaged / name)
    with pytest.raises(DatasetError, match=r"train-00000.feather: .*maou prepare"):
        read(damaged)


def test_batches_end_with_a_sentence(training_set: maou.TrainingSet) -> None:
    batches = training_set.batches(64)
    next(batches)
    batches.close()
    with pytest.raises(UsageError, match="these batches are closed; make new ones"):
        next(batches)


def n_threads() -> int:
    tasks = Path("/proc/self/task").iterdir()
    names = [(task / "comm").read_text(encoding="utf-8") for task in tasks]
    return sum(name.startswith("maou-loader") for name in names)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_threads_end_with_the_batches(training_set: maou.TrainingSet) -> None:
    def no_threads() -> bool:
        deadline = time.monotonic() + 10
        while n_threads() and time.monotonic() < deadline:
            time.sleep(0.01)
        return not n_threads()

    gc.collect()
    assert no_threads()
    batches = training_set.batches(64, threads=3)
    kept = next(batches)
    assert n_threads() == 3
    del batches
    gc.collect()
    assert no_threads()
    assert kept.weight.sum() == 64
    with training_set.batches(64, threads=2) as batches:
        next(batches)
        assert n_threads() == 2
    assert no_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no such system call")
def test_a_forked_process_is_told_what_to_do(training_set: maou.TrainingSet) -> None:
    batches = training_set.batches(64, threads=2)
    next(batches)
    with warnings.catch_warnings():
        # Python says that threads are not copied, which is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            next(batches)
        except UsageError as error:
            os._exit(0 if "spawn" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    next(batches)
