"""Search over datasets: any position, pattern or game in milliseconds."""

from collections.abc import Callable
from os import PathLike
from typing import Literal, TypeAlias, TypedDict, Unpack, final, type_check_only

from .maou_io import ArrowStream, Progress
from .maou_shogi import Board

__all__ = [
    "Index",
    "build",
    "check_pattern",
    "is_training_set",
    "scan",
    "status",
]

# An object with a buffer.
_Buffer: TypeAlias = object

@type_check_only
class Found(TypedDict):
    """A dataset found below a folder; `problem` says why it cannot be read."""

    path: str
    games: int
    positions: int
    size_bytes: int
    problem: str | None

@type_check_only
class BuildReport(TypedDict):
    """What a build did.

    `n_*_new` are what was read; `n_games` and `n_positions` what the index knows, of
    positions those with a move. `problem` says why the index that was there could not
    be used. A build that was `stopped` left it as it was.
    """

    path: str
    n_files_new: int
    n_files_gone: int
    n_games_new: int
    n_positions_new: int
    n_games: int
    n_positions: int
    n_segments: int
    size_bytes: int
    problem: str | None
    stopped: bool

@type_check_only
class IndexStatus(TypedDict):
    """Whether a dataset has an index, and whether that is as new as the dataset."""

    state: Literal["missing", "fresh", "stale", "unusable"]
    path: str
    n_segments: int
    size_bytes: int
    n_files_new: int
    n_files_gone: int
    problem: str | None

@type_check_only
class Filters(TypedDict, total=False):
    """What is asked of games and positions; ranges are pairs with both ends in them.

    `ids` are the first and the last id, `date` counts days since 1970, `results` has a
    bit for each number of a result, `player` and `event` take `*` for any text.
    """

    either_color: bool
    pattern: str
    mirror: bool
    ids: tuple[int, int]
    player: str
    rating: tuple[float | None, float | None]
    date: tuple[int | None, int | None]
    eval_cp: tuple[int | None, int | None]
    ply: tuple[int | None, int | None]
    results: int
    ending: str
    event: str
    final: bool
    variations: bool
    unit: str
    sort: str
    descending: bool
    limit: int
    offset: int
    threads: int

@final
class Index:
    """An open index of a dataset."""

    def __new__(
        cls,
        path: str | PathLike[str],
        *,
        index_dir: str | PathLike[str] | None = None,
    ) -> Index:
        """Open the index of the dataset in the folder `path`.

        Raises:
            DatasetError: There is none, or it is stale, damaged or of another version.
        """

    def check(self) -> None:
        """Look at every byte.

        Raises:
            DatasetError: One is not as it was written.
        """

    def find(
        self,
        position: Board | str | bytes | _Buffer | None = None,
        *,
        details: bool = ...,
        **filters: Unpack[Filters],
    ) -> ArrowStream:
        """List games or positions, as a stream of one batch.

        `position` is a board, an SFEN, 32 bytes of HCP, or keys of many positions.
        """

    def count(
        self,
        position: Board | str | bytes | _Buffer | None = None,
        **filters: Unpack[Filters],
    ) -> int:
        """Count games or positions, whatever `limit` and `offset`."""

    def count_each(
        self, positions: _Buffer, out: _Buffer, **filters: Unpack[Filters]
    ) -> None:
        """Count for each key of `positions`, into the numbers of `out`."""

    def moves(
        self, position: Board | str | bytes, **filters: Unpack[Filters]
    ) -> ArrowStream:
        """List what was played from a position, the most frequent move first."""

    def also_in(
        self,
        other: Index | str | PathLike[str],
        *,
        details: bool = ...,
        **filters: Unpack[Filters],
    ) -> ArrowStream:
        """List what another index, or the training set at a path, has as well.

        Of the filters `unit`, `variations`, `limit` and `offset` count. A last column
        `n` (u64) tells how often the other one has it.
        """

    def count_also_in(
        self, other: Index | str | PathLike[str], **filters: Unpack[Filters]
    ) -> int:
        """Count what `also_in` lists, whatever `limit` and `offset`."""

    def game(self, id: int) -> ArrowStream | None:
        """Read the row of the games table with this id."""

def build(
    path: str | PathLike[str],
    *,
    index_dir: str | PathLike[str] | None = ...,
    threads: int = ...,
    memory: int | None = ...,
    force: bool = ...,
    progress: Callable[[Progress], object] | None = ...,
) -> BuildReport:
    """Build the index of a dataset, or read into it what is new.

    Args:
        path: The dataset.
        index_dir: Where the index stands, if not in the folder `index` of the dataset.
        threads: Number of threads, 0 for one a core.
        memory: Bytes that keys and buffers take at most, in about.
        force: Whether all of it is built again.
        progress: Called now and then; its sources are the files that are read.

    Raises:
        DatasetError: A game cannot be replayed.
        UsageError: There is no dataset, or another build is at work.
        OSError: A file cannot be read or written.
    """

def status(
    path: str | PathLike[str], *, index_dir: str | PathLike[str] | None = ...
) -> IndexStatus:
    """Tell whether a dataset has an index, and whether that is fresh."""

def check_pattern(text: str) -> str:
    """Read a pattern, and write it as it is usually written.

    Raises:
        RecordError: The text is no pattern; `column` is where.
    """

def is_training_set(path: str | PathLike[str]) -> bool:
    """Whether a folder says of itself that it is a training set."""

def scan(path: str | PathLike[str]) -> list[Found]:
    """List the datasets at or below a folder, sorted by path.

    Raises:
        OSError: The folder cannot be read.
    """
