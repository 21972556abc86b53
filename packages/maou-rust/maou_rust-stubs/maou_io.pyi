"""Datasets of shogi games: convert, inspect, verify, and hand over to Arrow readers."""

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Protocol, Self, TypeAlias, TypedDict, final, type_check_only

__all__ = [
    "ArrowStream",
    "BatchBuffer",
    "FolderLock",
    "Loader",
    "TrainingRows",
    "convert",
    "errors",
    "every_position",
    "export",
    "files",
    "games",
    "hello",
    "info",
    "is_training_set",
    "positions",
    "prepare",
    "probe_stream",
    "schema",
    "shards",
    "teacher_info",
    "training_files",
    "training_info",
    "transcribe",
    "verify",
    "verify_training",
]

# An object with the buffer protocol; `collections.abc.Buffer` came with Python 3.12.
_Buffer: TypeAlias = object

@type_check_only
class Progress(TypedDict):
    """State of a running conversion or verification."""

    n_sources_done: int
    n_sources: int
    bytes_done: int
    bytes: int
    n_games: int
    n_positions: int
    n_errors: int

@type_check_only
class ErrorEntry(TypedDict):
    """One problem of one source, as listed in errors.jsonl.

    `path` is where this run found the source, or its name in the dataset; `line`,
    `column` and `game_number` are 0 where there is none.
    """

    source: str
    path: str
    game_number: int
    line: int
    column: int
    kind: str
    message: str
    kept: bool

@type_check_only
class ConvertReport(TypedDict):
    """What one run of `convert` did; `total_*` speak of the whole dataset after it."""

    n_sources_new: int
    n_sources_unchanged: int
    n_sources_changed: int
    vanished: list[str]
    pruned: list[str]
    n_games: int
    n_variations: int
    n_positions: int
    n_loose_positions: int
    n_errors: int
    n_duplicate_games: int
    n_variations_dropped: int
    n_comments_dropped: int
    total_games: int
    total_variations: int
    total_positions: int
    total_errors: int
    size_bytes: int
    errors: list[ErrorEntry]
    warnings: list[str]
    resumed: bool
    stopped: bool

@type_check_only
class DatasetInfo(TypedDict):
    """Totals of a dataset, from its manifest.

    `variations` are counted in `games`, too; there are none unless the dataset was
    made to keep them.
    """

    kind: str
    games: int
    variations: int
    keeps_variations: bool
    positions: int
    loose_positions: int
    errors: int
    duplicate_games: int
    size_bytes: int
    bytes_per_ply: float | None
    schema_version: int
    key_version: int
    maou_version: str
    compression: str
    sources: int
    shards: int
    positions_files: int
    results: dict[str, int]
    endings: dict[str, int]
    errors_by_kind: dict[str, int]
    n_variations_dropped: int
    n_comments_dropped: int
    unfinished: bool

@type_check_only
class Problem(TypedDict):
    """One finding of `verify`; `row` is None when the whole file is meant."""

    file: str
    row: int | None
    column: str | None
    message: str

@type_check_only
class VerifyReport(TypedDict):
    """What `verify` checked and found; `problems` holds the first 1,000."""

    n_files: int
    n_games: int
    n_positions: int
    n_problems: int
    problems: list[Problem]
    stopped: bool

@type_check_only
class File(TypedDict):
    """One file of a dataset's tables; `has_search` as in `schema("search")`.

    `n_positions` counts positions with a move, those of variations too.
    """

    table: str
    path: str
    n_positions: int
    has_search: bool

@type_check_only
class ExportReport(TypedDict):
    """What `export` did; its numbers count `games` or `positions`, see `counted`."""

    counted: str
    n_found: int
    n_written: int
    size_bytes: int
    left_out: dict[str, int]
    n_flags_dropped: int
    stopped: bool

@type_check_only
class TeacherInfo(TypedDict):
    """What a file of teacher records holds."""

    format: str
    size_bytes: int
    n_games: int
    n_positions: int
    n_evals: int
    eval_min: int | None
    eval_max: int | None
    n_candidates: int
    results: dict[str, int]
    n_flagged: int
    n_inexact: int
    n_errors: int
    errors: list[ErrorEntry]

@type_check_only
class Column(TypedDict):
    """One column of a table."""

    name: str
    type: str
    nullable: bool
    meaning: str

@type_check_only
class TranscribeReport(TypedDict):
    """What one run of `transcribe` did."""

    n_sources: int
    n_games: int
    n_positions: int
    n_errors: int
    errors: list[ErrorEntry]
    n_files: int
    n_files_unchanged: int
    left_out: dict[str, int]
    stopped: bool

@type_check_only
class Members(Protocol):
    """The members of an open archive."""

    def read(self, indices: Sequence[int], /) -> Sequence[bytes | str]:
        """Give the bytes of each member, or why there are none."""

@type_check_only
class Archives(Protocol):
    """Looks into archives, and reads standard input as the path `-`."""

    def members(self, path: str, /) -> Iterable[tuple[str, int, int | None, str]]:
        """List name, size, file and problem of each member, in an order that stays.

        The file is None for all but Arrow Files and Streams: it is the number of an
        open file, on Windows its handle, with what the member holds, and stays open
        until the next member is asked for.
        """

    def open(self, path: str, /) -> Members:
        """Open an archive; members are counted from 0, as they are listed."""

@final
class ArrowStream:
    """A stream of record batches behind the Arrow PyCapsule interface, read once.

    Iterated, it gives its batches, each as a stream of its own.
    """

    def __iter__(self) -> ArrowStream: ...
    def __next__(self) -> ArrowStream:
        """Read the next batch.

        Raises:
            DatasetError: The data cannot be read.
        """

    def without_rows(self) -> ArrowStream:
        """Make a stream of the same columns without rows."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the stream over; a second call raises ValueError."""

def hello() -> str:
    """Say that the extension is in, with its version.

    Examples:
        >>> from maou_rust.maou_io import hello
        >>> hello().startswith("maou-rust ")
        True
    """

def convert(
    inputs: Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    *,
    compression: str | None = ...,
    threads: int = ...,
    strict: bool = ...,
    prune: bool = ...,
    dry_run: bool = ...,
    shard_bytes: int | None = ...,
    rows_per_file: int | None = ...,
    variations: bool | None = ...,
    source_format: str | None = ...,
    archives: Archives | None = ...,
    progress: Callable[[Progress], object] | None = ...,
) -> ConvertReport:
    """Read game records into the dataset folder `out`.

    Files whose content has not changed since the last run are skipped; an
    interrupted run is completed. The bytes of the result do not depend on the
    number of threads.

    Args:
        inputs: Files, folders, archives, datasets and Arrow files of the games table;
            `-` for standard input.
        out: The dataset folder, made when missing.
        compression: `zstd`, `lz4` or `none`; None for that of the dataset, `zstd` for
            a new one.
        threads: Number of worker threads, 0 for one per core.
        strict: Stop at the first record that cannot be read whole.
        prune: Remove the games of sources that are gone from the inputs.
        dry_run: Read and report everything, write nothing.
        shard_bytes: Input bytes per games file; None for those of the dataset, 64 MB
            for a new one.
        rows_per_file: Games per games file instead of bytes; None for what the dataset
            was made with.
        variations: Whether each variation becomes a row with a `parent_id`; None for
            what the dataset was made with, without them for a new one.
        source_format: `hcpe`, `hcpe2`, `hcpe3` or `psv`: all sources are read as that;
            None where their content tells.
        archives: Looks into archives and reads standard input; without it, both are
            refused.
        progress: Called about ten times a second on the calling thread.

    Raises:
        UsageError: Missing input, no records, an output that cannot be used.
        RecordError: The first bad record, with `strict`.
        DatasetError: The dataset in `out` is damaged or of a newer version.
        OSError: A file cannot be written; the dataset stays as it was.
        KeyboardInterrupt: Ctrl-C; the next run goes on from there.
    """

def transcribe(
    inputs: Sequence[str | PathLike[str]],
    *,
    format: str,
    folder: str | PathLike[str] | None = ...,
    file: str | PathLike[str] | None = ...,
    write: Callable[[bytes], object] | None = ...,
    encoding: str = ...,
    threads: int = ...,
    strict: bool = ...,
    force: bool = ...,
    archives: Archives | None = ...,
    progress: Callable[[Progress], object] | None = ...,
) -> TranscribeReport:
    """Write game records as text of one format.

    Args:
        inputs: As for `convert`.
        format: `csa`, `kif`, `ki2`, `jkf`, `usi` or `sfen`.
        folder: A file for each game goes here, named as its source.
        file: One file for all games, if there is no folder.
        write: Takes all games, part by part, if there is neither.
        encoding: `utf-8`, `shift_jis` or `euc-jp`.
        threads: Number of worker threads, 0 for one per core.
        strict: Stop at the first error, before anything is written.
        force: Replace files that have other content.
        archives: As for `convert`.
        progress: Called about ten times a second on the calling thread.

    Raises:
        UsageError: Missing input, files that would be replaced, two games of one name.
        RecordError: The first error, with `strict`.
        OSError: A file cannot be written.
        KeyboardInterrupt: Ctrl-C.
    """

def info(path: str | PathLike[str]) -> DatasetInfo:
    """Read the totals of a dataset.

    Raises:
        DatasetError: `path` is no dataset, or a damaged one.
    """

def errors(path: str | PathLike[str]) -> list[ErrorEntry]:
    """List the problems of a dataset's sources, in source order.

    Raises:
        DatasetError: `path` is no dataset, or a damaged one.
    """

def shards(path: str | PathLike[str]) -> list[str]:
    """List the paths of a dataset's games files, in order.

    Raises:
        DatasetError: `path` is no dataset, or a damaged one.
    """

def verify(
    path: str | PathLike[str],
    *,
    threads: int = ...,
    progress: Callable[[Progress], object] | None = ...,
) -> VerifyReport:
    """Replay every game and check every id, length, hash and total.

    Raises:
        DatasetError: `path` is no dataset.
        KeyboardInterrupt: Ctrl-C.
    """

def schema(table: str = ...) -> list[Column]:
    """List the columns of a table with what each means.

    Args:
        table: `games`, `positions` or `sources`; `variations` for what games files
            have behind the columns of `games` in a dataset that keeps variations, and
            `search` for what they have behind all others where a game of HCPE3 is in
            them; `every_position` for what the function of this name can give;
            `training` for the files of training sets.

    Raises:
        UsageError: Another name.
    """

def files(path: str | PathLike[str]) -> list[File]:
    """List the games files of a dataset in order, then its positions files.

    Raises:
        DatasetError: `path` is no dataset, or a damaged one.
    """

def export(
    data: str | PathLike[str],
    out: str | PathLike[str],
    *,
    format: str,
    missing_eval: int | None = ...,
    threads: int = ...,
    progress: Callable[[Progress], object] | None = ...,
) -> ExportReport:
    """Write the dataset `data` into one file of teacher records.

    Args:
        data: The dataset folder.
        out: The file, which appears when it is whole; `-` for standard output.
        format: `hcpe`, `hcpe2`, `hcpe3` or `psv`.
        missing_eval: The eval of plies that have none. Without it, formats of
            positions leave them out, and HCPE3 marks them as not for training.
        threads: Number of worker threads, 0 for one per core.
        progress: Called about ten times a second on the calling thread.

    Raises:
        UsageError: An output that cannot be used, or another format.
        DatasetError: `data` is no dataset, or a damaged one.
        OSError: The file cannot be written.
        KeyboardInterrupt: Ctrl-C; there is no file then.
    """

def teacher_info(
    path: str | PathLike[str], *, source_format: str | None = ...
) -> TeacherInfo | None:
    """Tell what a file of teacher records holds, without a dataset.

    Args:
        path: The file.
        source_format: `hcpe`, `hcpe2`, `hcpe3` or `psv`, if the content does not tell.

    Returns:
        Counts, sizes and errors; None if it is no such file, as far as its content
        tells.

    Raises:
        UsageError: Another format, or a file that may be of two.
        OSError: The file cannot be read.
    """

def positions(
    path: str | PathLike[str], columns: Sequence[str] | None = ...
) -> ArrowStream:
    """Stream the loose positions of a dataset, in record batches of up to 65,536 rows.

    Args:
        path: The dataset folder.
        columns: Names of the columns wanted; None for all.

    Raises:
        DatasetError: `path` is no dataset, or a damaged one.
        UsageError: A name that is no column.
    """

def every_position(
    path: str | PathLike[str],
    columns: Sequence[str] | None = ...,
    *,
    variations: bool = ...,
    threads: int = ...,
) -> ArrowStream:
    """Stream every position of a dataset: games replayed, then the loose ones.

    Args:
        path: The dataset folder.
        columns: Names of the columns wanted; None for `game`, `ply`, `hcp`, `key`,
            `move`, `eval_cp` and `result`.
        variations: Whether the positions of variations are given too.
        threads: Number of threads that replay; 0 takes one per core.

    Raises:
        DatasetError: `path` is no dataset, or a damaged one.
        UsageError: A name that is no column, or twice the same.
    """

def games(
    path: str | PathLike[str], columns: Sequence[str] | None = ...
) -> ArrowStream:
    """Stream the games of a dataset as Arrow record batches of up to 1,024 rows.

    Args:
        path: The dataset folder.
        columns: Names of the columns wanted, in schema order; None for all.

    Raises:
        DatasetError: `path` is no dataset, or a damaged one.
        UsageError: A name that is no column.
    """

def probe_stream(n: int) -> tuple[ArrowStream, int]:
    """Make a stream of one batch with the u64 column `x` = 0..n, and its address.

    For the test that a reader takes the buffers without a copy.
    """

@type_check_only
class PrepareProgress(TypedDict):
    """State of a running `prepare`, or of `verify_training`.

    `phase` is `select`, `replay`, `merge` or `verify`; `done` of `total` are in a unit
    of its own.
    """

    phase: str
    done: int
    total: int
    n_positions: int
    n_rows: int

@type_check_only
class TrainingFileEntry(TypedDict):
    """One file of a training set; keys and hash as 16 hex digits."""

    file: str
    xxh3: str
    size_bytes: int
    n_rows: int
    first_key: str
    last_key: str

@type_check_only
class SplitEntry(TypedDict):
    """One side of a training set; `scores` counts occurrences for the side to move."""

    n_rows: int
    n_occurrences: int
    n_games: int
    n_loose_positions: int
    n_repeated_rows: int
    n_moves: int
    n_evals: int
    scores: dict[str, int]
    size_bytes: int
    files: list[TrainingFileEntry]

@type_check_only
class InputEntry(TypedDict):
    """What a training set was made of; `name` is the last part of the path."""

    name: str
    manifest_xxh3: str
    weight: float
    n_games: int
    n_loose_positions: int

@type_check_only
class Between(TypedDict):
    """A range, both ends inclusive; None is an open end."""

    min: float | None
    max: float | None

@type_check_only
class Selection(TypedDict):
    """Which games and positions became rows."""

    filter: str | None
    rating: Between
    ply: Between
    eval_cp: Between
    results: list[int]
    endings: list[str]
    max_games: int | None

@type_check_only
class TrainingOptions(TypedDict):
    """The options that decide about a training set's bytes."""

    compression: str
    policy: str
    validation_per_10000: int
    validation_sources: list[str]
    selection: Selection

@type_check_only
class TrainingContents(TypedDict):
    """What a training set holds, and what it was made of."""

    train: SplitEntry
    validation: SplitEntry
    n_shared_rows: int
    n_shared_occurrences: int
    left_out: dict[str, int]
    inputs: list[InputEntry]
    excluded: list[InputEntry]

@type_check_only
class TrainingInfo(TrainingContents):
    """What a training set says of itself."""

    kind: str
    options: TrainingOptions
    size_bytes: int
    training_schema_version: int
    key_version: int
    maou_version: str
    manifest_xxh3: str

@type_check_only
class SideBalance(TypedDict):
    """Positions with one side to move, by result and eval for that side.

    `evals` counts those below -3000, -1000, -300, -100, 100, 300, 1000 and 3000
    centipawns, and the rest; `correlation` is that of evals with results, from -1 to 1.
    """

    scores: dict[str, int]
    evals: list[int]
    n_without_eval: int
    correlation: float | None

@type_check_only
class Balance(TypedDict):
    """Results and evals of one input, by the side to move."""

    black: SideBalance
    white: SideBalance

@type_check_only
class PrepareReport(TrainingContents):
    """What `prepare` did; `balance` has an entry for each input."""

    balance: list[Balance]
    size_bytes: int
    spilled_bytes: int
    warnings: list[str]
    stopped: bool

@type_check_only
class TrainingVerifyReport(TypedDict):
    """What `verify_training` checked; `problems` holds the first 1,000."""

    n_files: int
    n_rows: int
    n_problems: int
    problems: list[Problem]
    stopped: bool

@type_check_only
class BooleanColumn(Protocol):
    """A boolean column behind the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the column over."""

def prepare(
    inputs: Sequence[tuple[str | PathLike[str], float, BooleanColumn | None]],
    out: str | PathLike[str],
    *,
    memory: int,
    compression: str = ...,
    policy: str = ...,
    validation_per_10000: int = ...,
    validation_sources: Sequence[str] = ...,
    filter: str | None = ...,
    rating: tuple[float | None, float | None] = ...,
    ply: tuple[int | None, int | None] = ...,
    eval_cp: tuple[int | None, int | None] = ...,
    results: Sequence[int] = ...,
    endings: Sequence[str] = ...,
    max_games: int | None = ...,
    exclude: Sequence[str | PathLike[str]] = ...,
    threads: int = ...,
    force: bool = ...,
    progress: Callable[[PrepareProgress], object] | None = ...,
) -> PrepareReport:
    """Merge the equal positions of datasets into the training set `out`.

    The bytes of the result depend neither on the number of threads nor on the memory.

    Args:
        inputs: Path and weight of each dataset, and which of its games stay: a value
            for each, or None for all.
        out: The folder, which appears when it is whole.
        memory: Bytes of memory that may be used, about.
        compression: `zstd`, `lz4` or `none`.
        policy: `moves` or `visits`.
        validation_per_10000: A game is for validation if its id modulo 10,000 is below.
        validation_sources: Source files whose loose positions are for validation.
        filter: What the masks of `inputs` were made of, for the manifest.
        rating: Least and greatest rating that both sides of a game must have.
        ply: Least and greatest number of moves before a position.
        eval_cp: Least and greatest eval of a position, for the side to move.
        results: Results of games as in the games table; all if empty.
        endings: Endings of games as in the games table; all if empty.
        max_games: Games at most.
        exclude: Datasets and training sets whose games and positions are kept out.
        threads: Number of threads, 0 for one per core.
        force: Replace the training set that stands at `out`.
        progress: Called about ten times a second on the calling thread.

    Raises:
        UsageError: Inputs, output or options that cannot be used; no position is left.
        DatasetError: A dataset is damaged.
        OSError: A file cannot be written; what stood at `out` stays as it was.
        KeyboardInterrupt: Ctrl-C; likewise.
    """

def is_training_set(path: str | PathLike[str]) -> bool:
    """Whether a folder says of itself that it is a training set."""

def training_info(path: str | PathLike[str]) -> TrainingInfo:
    """Read what a training set says of itself.

    Raises:
        DatasetError: `path` is no training set, or a damaged one.
    """

def training_files(path: str | PathLike[str], split: str) -> list[str]:
    """List the paths of the files of a split, in key order.

    Args:
        path: The training set.
        split: `train` or `validation`.

    Raises:
        DatasetError: `path` is no training set, or a damaged one.
        UsageError: Another split.
    """

def verify_training(
    path: str | PathLike[str],
    *,
    threads: int = ...,
    progress: Callable[[PrepareProgress], object] | None = ...,
) -> TrainingVerifyReport:
    """Check every hash, key, position, move and sum of a training set.

    Raises:
        DatasetError: `path` is no training set.
        KeyboardInterrupt: Ctrl-C.
    """

@final
class FolderLock:
    """Held while something is written into a folder, by one process at a time.

    The operating system releases it when the process ends, however it ends.
    """

    def __new__(cls, path: str | PathLike[str], what: str) -> Self:
        """Lock a folder, which exists.

        Args:
            path: The folder.
            what: What is written, for the message: `this run`.

        Raises:
            UsageError: Another one holds it; the message names the process.
        """

    def release(self) -> None:
        """Let others have it."""

@final
class TrainingRows:
    """The rows of one split of a training set, in the order of their keys."""

    def __new__(cls, path: str | PathLike[str], split: str) -> Self:
        """Look into the files of a split.

        Args:
            path: The folder.
            split: `train` or `validation`.

        Raises:
            UsageError: There is no training set or no such split.
            DatasetError: A file is damaged.
        """

    def __len__(self) -> int:
        """Count them."""

    def paths(self) -> list[str]:
        """List the files in order."""

    def digest(self) -> str:
        """Hash the hashes of the files: what tells these rows from others."""

    def without_rows(self) -> ArrowStream:
        """Give a stream of the columns of a training set, without rows."""

    def contains(self, keys: _Buffer, out: _Buffer, *, check: bool) -> None:
        """Tell which keys are among the rows.

        Args:
            keys: u64 each; the color bit does not count.
            out: A byte each, which becomes 1 or 0.
            check: Whether hashes of the files that may have them are compared.

        Raises:
            DatasetError: A file is damaged.
            KeyboardInterrupt: Ctrl-C.
        """

@final
class BatchBuffer:
    """The memory of a batch, as a buffer of bytes that may be changed.

    It is filled anew when all buffers of the batch are gone, and not before.
    """

@final
class Loader:
    """Makes batches of rows on threads of its own; `maou.TrainingSet.batches`.

    Threads end with `close`, or with the object.
    """

    def __new__(
        cls,
        rows: TrainingRows,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        features: str | None,
        policy: str | None,
        classes: int,
        legal_mask: bool,
        sample_weight: str,
        threads: int,
        rank: int,
        world_size: int,
        drop_last: bool,
        window: int,
        prefetch: int,
        stride: tuple[int, int],
        check: bool,
    ) -> Self:
        """Take rows and options; nothing happens before `seek`.

        Args:
            rows: What batches are made of.
            batch_size: Rows of a batch.
            seed: Decides about the order, together with the epoch.
            shuffle: Whether rows are mixed.
            features: `compact`, `dlshogi` or None.
            policy: `sparse`, `dense` or None.
            classes: 2187 or 1496.
            legal_mask: Whether there is a mask of the legal moves.
            sample_weight: `one`, `n`, `sqrt` or `weight`.
            threads: The number of threads; 0 for one a core.
            rank: Which process this is.
            world_size: How many share the rows.
            drop_last: Whether rows that fill no batch are left out.
            window: Record batches that are mixed.
            prefetch: Batches that are made ahead.
            stride: The first batch, and how many further the next is.
            check: Whether hashes of files are compared.

        Raises:
            UsageError: Options that make no batches.
        """

    def fields(self) -> list[tuple[str, str, list[int], int]]:
        """List the arrays of a batch.

        Name, type, axes behind that of the rows, first byte in the memory.
        """

    @staticmethod
    def sparse_fields() -> list[tuple[str, str]]:
        """List the arrays of a sparse policy, with their types."""

    def n_steps(self) -> int:
        """Count the batches of an epoch."""

    def buffers(self) -> tuple[int, int, int]:
        """Count the buffers used in turn; bytes of one, and of its sparse policy."""

    def add_buffer(self, main: _Buffer, sparse: _Buffer) -> None:
        """Lend memory for batches, aligned to 64 bytes, before the first `seek`.

        Raises:
            BufferError: It has another size or place.
        """

    def seek(self, epoch: int, step: int) -> None:
        """Begin at a batch of an epoch."""

    def next(
        self,
    ) -> tuple[BatchBuffer, BatchBuffer, int, list[int]] | None:
        """Wait for the next batch; None at the end of the epoch.

        Returns:
            Its memory, that of its sparse policy, how many shares that has, and where
            each array of it begins.

        Raises:
            DatasetError: A file is damaged.
            UsageError: The loader is closed, or belongs to another process.
            KeyboardInterrupt: Ctrl-C.
        """

    def close(self) -> None:
        """End the threads."""
