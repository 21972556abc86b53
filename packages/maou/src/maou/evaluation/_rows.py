"""What models are measured on: datasets, training sets, HCPE; batch by batch.

Whatever the source, a batch holds inputs of a network, the moves and the scores to
compare its outputs with, and what positions are told apart by.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

import numpy as np
import polars as pl
from maou_rust import DatasetError, RecordError, UsageError, maou_io

from maou.positions import PositionArray
from maou.train.config import is_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from maou.batches import Batch
    from maou.policy import Scheme

Features: TypeAlias = Literal["compact", "dlshogi"]
Split: TypeAlias = Literal["train", "validation"]

UNKNOWN = -1
"""Ply or rating of a position for which it is not known."""
UNKNOWN_PLY = 65_535
"""Ply of rows of a training set that come from loose positions alone."""
DRAW, BLACK_WINS, WHITE_WINS = range(3)
HCPE_BYTES = 38
HCPE = np.dtype(
    [
        ("hcp", np.uint8, 32),
        ("eval_cp", "<i2"),
        ("move", "<u2"),
        ("result", np.uint8),
        ("pad", np.uint8),
    ]
)
CHUNK = 1 << 16
"""Records of a file that are read at once."""
ROW_SALT = 0x726F77
"""Sets the numbers of rows, which have no game, apart from ids of games."""


@dataclass(frozen=True)
class Wanted:
    """What a model takes, and how it is fed."""

    features: Features
    classes: Scheme
    legal: bool
    batch_size: int
    threads: int


@dataclass(frozen=True)
class Rows:
    """A batch of N positions; arrays are good until the next one."""

    inputs: tuple[npt.NDArray[Any], npt.NDArray[Any]]
    """As the network takes them."""
    policy_rows: npt.NDArray[np.int64]
    """int64[K]: the position of each entry of the policy's target."""
    policy_labels: npt.NDArray[np.int64]
    """int64[K]."""
    policy_weights: npt.NDArray[np.float32]
    """float32[K]: they sum to 1 for a position."""
    legal: npt.NDArray[np.bool_] | None
    """bool[N, classes]: labels of legal moves, if they are wanted."""
    scores: npt.NDArray[np.float32]
    """float32[N]: score of the side to move, in [0, 1]."""
    scored: npt.NDArray[np.bool_]
    """bool[N]: whether it is known."""
    plies: npt.NDArray[np.int64]
    """int64[N]: moves before the position, -1 if it is not known."""
    ratings: npt.NDArray[np.int64]
    """int64[N]: rating of the side to move, -1 if it is not known."""
    clusters: npt.NDArray[np.uint64]
    """uint64[N]: equal for positions of the same game."""
    keys: npt.NDArray[np.uint64]
    """uint64[N]: of the positions, without their color."""


class Source(Protocol):
    """Positions to measure models on."""

    kind: str
    """`dataset`, `training set` or `hcpe`."""
    path: Path
    n_positions: int
    """As many as there are; some may be left out."""
    clustered_by: str
    """What the bootstrap draws: `game` or `position`."""
    facts: dict[str, Any]
    """What else a report says of it."""

    def batches(self, wanted: Wanted) -> Iterator[Rows]:
        """Give the positions, in an order that does not change."""


@dataclass(frozen=True)
class Range:
    """Whole numbers from one to another, both included; None is no end."""

    low: int | None = None
    high: int | None = None

    def holds(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """bool[N]: whether each lies in it; unknown ones do not."""
        inside: npt.NDArray[np.bool_] = numbers != UNKNOWN
        if self.low is not None:
            inside &= numbers >= self.low
        if self.high is not None:
            inside &= numbers <= self.high
        return inside

    def __str__(self) -> str:
        """As it is written on the command line."""
        low = "" if self.low is None else self.low
        return f"{low}..{'' if self.high is None else self.high}"


def open_source(path: Path, split: Split | None) -> Source:
    """Tell what is at a path.

    Args:
        path: A dataset, a training set or a file of HCPE.
        split: `train` or `validation` of a training set; None for `validation`.

    Raises:
        DatasetError: It is none of them, or damaged.
        UsageError: It is something else, or has no splits and one is asked for.
    """
    if path.is_dir():
        kind = kind_of_folder(path)
        if kind == "training-set":
            return TrainingRows(path, split or "validation")
        if kind == "run":
            raise UsageError(
                f"{path}: expected a dataset, a training set or a file of HCPE, found a"
                " run of `maou train`: `maou evaluate RUN DATA`"
            )
        _refuse_split(path, split, "dataset")
        return DatasetRows(path)
    if not path.exists():
        raise DatasetError(
            f"{path}: expected a dataset, a training set or a file of HCPE,"
            " found nothing"
        )
    _refuse_split(path, split, "file of HCPE")
    return HcpeRows(path)


def kind_of_folder(path: Path) -> str | None:
    """`kind` of a folder's manifest, `run` of one of `maou train`; None for others."""
    import json

    if is_run(path):
        return "run"
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    kind = manifest.get("kind") if isinstance(manifest, dict) else None
    return kind if isinstance(kind, str) else None


def _refuse_split(path: Path, split: Split | None, found: str) -> None:
    if split is not None:
        raise UsageError(
            f"{path}: expected a training set for the split `{split}`, found a {found}"
        )


class DatasetRows:
    """A dataset: its games replayed, then its loose positions."""

    kind = "dataset"
    clustered_by = "game"

    def __init__(self, path: Path) -> None:
        """Open a dataset."""
        info = maou_io.info(path)
        self.path = path
        self.n_positions = info["positions"]
        loose = info["loose_positions"]
        self.facts = {"games": info["games"] - info["variations"]}
        if loose:
            self.facts["loose_positions"] = loose
        if not self.facts["games"]:
            self.clustered_by = "position"

    def batches(self, wanted: Wanted) -> Iterator[Rows]:
        """Replay the games as rows are asked for."""
        names = ["game", "ply", "hcp", "move", "result", "turn"]
        names += ["black_rating", "white_rating"]
        make = _Maker(wanted)
        n_seen = 0
        stream = maou_io.every_position(self.path, names, threads=wanted.threads)
        for batch in stream:
            frame = pl.DataFrame(batch).with_row_index("row", n_seen)
            n_seen += frame.height
            # Problems with one king are no positions of a game that is played.
            frame = frame.filter(pl.col("hcp").is_not_null())
            for part in frame.iter_slices(wanted.batch_size):
                yield self._rows(part, make)

    def _rows(self, frame: pl.DataFrame, make: _Maker) -> Rows:
        rating = (
            pl.when(pl.col("turn") == 0)
            .then("black_rating")
            .otherwise("white_rating")
            .round()
            .fill_null(UNKNOWN)
            .cast(pl.Int64)
        )
        rows, games = frame["row"].to_numpy(), frame["game"]
        loose = _salted(rows.astype(np.uint64))
        known = games.is_not_null().to_numpy()
        moves = frame["move"]
        return make.rows(
            PositionArray.from_hcp(frame["hcp"], threads=make.threads),
            moves=moves.fill_null(0).to_numpy(),
            moved=moves.is_not_null().to_numpy(),
            results=frame["result"].to_numpy(),
            turns=frame["turn"].to_numpy(),
            plies=frame["ply"].cast(pl.Int64).fill_null(UNKNOWN).to_numpy(),
            ratings=frame.select(rating).to_series().to_numpy(),
            clusters=np.where(known, games.fill_null(0).to_numpy(), loose),
        )


class TrainingRows:
    """One split of a training set: rows into which equal positions were merged."""

    kind = "training set"
    clustered_by = "position"

    def __init__(self, path: Path, split: Split) -> None:
        """Open a training set."""
        from maou.training_set import TrainingSet

        self.path = path
        self._set = TrainingSet(path)
        self._split = split
        self.n_positions = self._set.n_rows(split)
        self.facts: dict[str, Any] = {"split": split}
        if not self.n_positions:
            other: Split = "train" if split == "validation" else "validation"
            has_other = self._set.n_rows(other) > 0
            mend = f": `--split {other}` names the other" if has_other else ""
            raise UsageError(f"{path}: the split `{split}` is empty{mend}")

    def batches(self, wanted: Wanted) -> Iterator[Rows]:
        """Take the rows in the order of their keys."""
        batches = self._set.batches(
            wanted.batch_size,
            split=self._split,
            shuffle=False,
            features=wanted.features,
            policy="sparse",
            classes=wanted.classes,
            legal_mask=wanted.legal,
            threads=wanted.threads,
        )
        try:
            for batch in batches:
                yield _rows_of(batch, wanted)
        finally:
            batches.close()


def _rows_of(batch: Batch, wanted: Wanted) -> Rows:
    """A batch of the loader, without the rows that fill it up."""
    n = int(np.count_nonzero(batch.weight))
    names = ("board", "hand") if wanted.features == "compact" else ("input1", "input2")
    arrays = batch.arrays()
    first, second = (arrays[name] for name in names)
    policy_rows = arrays["policy_rows"]
    real = policy_rows < n
    plies = batch.ply[:n].astype(np.int64)
    return Rows(
        inputs=(first[:n], second[:n]),
        policy_rows=policy_rows[real],
        policy_labels=arrays["policy_labels"][real],
        policy_weights=arrays["policy_weights"][real],
        legal=arrays["legal"][:n] if wanted.legal else None,
        scores=batch.value[:n],
        scored=batch.value_weight[:n] > 0,
        plies=np.where(plies == UNKNOWN_PLY, UNKNOWN, plies),
        ratings=np.full(n, UNKNOWN, np.int64),
        clusters=_salted(batch.row[:n]),
        keys=batch.key[:n],
    )


class HcpeRows:
    """A file of HCPE, the 38-byte records of dlshogi and cshogi."""

    kind = "hcpe"
    clustered_by = "position"

    def __init__(self, path: Path) -> None:
        """Look at the size of a file, and whether it may be one of HCPE."""
        size_bytes = path.stat().st_size
        if path.suffix.lower() != ".hcpe":
            self._refuse_other(path)
        if size_bytes % HCPE_BYTES:
            raise DatasetError(
                f"{path}: expected HCPE records of {HCPE_BYTES} bytes, found"
                f" {size_bytes % HCPE_BYTES} bytes more than"
                f" {size_bytes // HCPE_BYTES:,} records; {_mend(path)}"
            )
        self.path = path
        self.n_positions = size_bytes // HCPE_BYTES
        self.facts: dict[str, Any] = {}

    @staticmethod
    def _refuse_other(path: Path) -> None:
        found = maou_io.teacher_info(path)
        if found is None or found["format"] != "hcpe":
            name = "something else" if found is None else f"`{found['format']}`"
            raise UsageError(
                f"{path}: expected a dataset, a training set or a file of HCPE, found"
                f" {name}: `maou convert {quote(str(path))} -o DATA` makes a dataset"
            )

    def batches(self, wanted: Wanted) -> Iterator[Rows]:
        """Read the file in parts."""
        make = _Maker(wanted)
        n_read = 0
        with self.path.open("rb") as file:
            while data := file.read(HCPE_BYTES * CHUNK):
                records = np.frombuffer(data, HCPE)
                for start in range(0, len(records), wanted.batch_size):
                    part = records[start : start + wanted.batch_size]
                    yield self._rows(part, n_read + start, make)
                n_read += len(records)

    def _rows(self, records: npt.NDArray[Any], first: int, make: _Maker) -> Rows:
        n = len(records)
        try:
            if (records["result"] > WHITE_WINS).any():
                row = int((records["result"] > WHITE_WINS).argmax())
                found = int(records["result"][row])
                raise RecordError(
                    f"row {row}: expected a result of 0 to 2, found `{found}`"
                )
            positions = PositionArray.from_hcp(records, threads=make.threads)
            return make.rows(
                positions,
                moves=records["move"],
                moved=np.ones(n, np.bool_),
                results=records["result"],
                turns=positions.turns(threads=make.threads),
                plies=np.full(n, UNKNOWN, np.int64),
                ratings=np.full(n, UNKNOWN, np.int64),
                clusters=_salted(np.arange(first, first + n, dtype=np.uint64)),
            )
        except RecordError as error:
            raise DatasetError(
                f"{self.path}: {_in_file(str(error), first)}; {_mend(self.path)}"
            ) from None


def _mend(path: Path) -> str:
    """What to do about a file that is not sound."""
    return (
        f"`maou convert --from hcpe {quote(str(path))} -o DATA` makes a dataset of what"
        " is sound"
    )


def _in_file(message: str, first: int) -> str:
    """`row 3: …` of a part, counted from the beginning of the file and from 1."""
    head, _, rest = message.partition(": ")
    return f"record {first + int(head.removeprefix('row ')) + 1:,}: {rest}"


class _Maker:
    """Makes batches of positions, in buffers that are used again."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.threads = wanted.threads
        self._inputs: tuple[Any, Any] | None = None
        self._legal: npt.NDArray[np.bool_] | None = None

    def rows(
        self,
        positions: PositionArray,
        *,
        moves: npt.NDArray[np.uint16],
        moved: npt.NDArray[np.bool_],
        results: npt.NDArray[np.uint8],
        turns: npt.NDArray[np.uint8],
        plies: npt.NDArray[np.int64],
        ratings: npt.NDArray[np.int64],
        clusters: npt.NDArray[np.uint64],
    ) -> Rows:
        """Make a batch of positions and what happened in them."""
        wanted, n = self._wanted, len(positions)
        policy_rows = np.flatnonzero(moved)
        movers = positions if len(policy_rows) == n else positions[policy_rows]
        winner = np.where(turns == 0, BLACK_WINS, WHITE_WINS)
        return Rows(
            inputs=self._features(positions),
            policy_rows=policy_rows,
            policy_labels=movers.labels(
                np.ascontiguousarray(moves[policy_rows]),
                wanted.classes,
                threads=self.threads,
            ),
            policy_weights=np.ones(len(policy_rows), np.float32),
            legal=self._legal_of(positions) if wanted.legal else None,
            scores=np.where(
                results == DRAW, np.float32(0.5), (results == winner).astype(np.float32)
            ),
            scored=results <= WHITE_WINS,
            plies=plies,
            ratings=ratings,
            clusters=clusters,
            keys=positions.keys(threads=self.threads) & ~np.uint64(1),
        )

    def _features(self, positions: PositionArray) -> tuple[Any, Any]:
        n, kind = len(positions), self._wanted.features
        if self._inputs is None or len(self._inputs[0]) < n:
            # The first batch is the longest, but for parts of a stream.
            self._inputs = self._compute(positions, kind, None)
            return self._inputs
        out = cast("tuple[Any, Any]", tuple(array[:n] for array in self._inputs))
        return self._compute(positions, kind, out)

    def _compute(
        self, positions: PositionArray, kind: Any, out: Any
    ) -> tuple[Any, Any]:
        # A tuple of its own: named ones differ in type.
        first, second = positions.features(kind, out=out, threads=self.threads)
        return first, second

    def _legal_of(self, positions: PositionArray) -> npt.NDArray[np.bool_]:
        n, classes = len(positions), self._wanted.classes
        if self._legal is None or len(self._legal) < n:
            self._legal = np.empty((n, classes), np.bool_)
        return positions.legal_masks(classes, out=self._legal[:n], threads=self.threads)


def _salted(rows: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Numbers of rows as ids that are no game's, as good as surely."""
    return (rows + np.uint64(ROW_SALT)) * np.uint64(0xD1342543DE82EF95)
