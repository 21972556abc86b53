"""The compiled half of maou: bindings for the maou crates, and nothing else."""

from maou_rust import maou_index as maou_index
from maou_rust import maou_io as maou_io
from maou_rust import maou_shogi as maou_shogi

__all__ = [
    "INTERFACE",
    "DatasetError",
    "IllegalMoveError",
    "RecordError",
    "UsageError",
    "__version__",
    "build_info",
    "maou_index",
    "maou_io",
    "maou_shogi",
]

__version__: str
"""Version of the cargo workspace that this extension was built from."""

INTERFACE: int
"""Number of the interface that these stubs describe: `maou` asks for exactly one."""

class RecordError(ValueError):
    """A game record, a position or a move text that cannot be read.

    Attributes:
        path: File or source name, None when the text had none.
        line: 1-based line, 0 when the whole input is meant.
        column: 1-based column in characters of the decoded text, 0 as above.
        kind: Short name of the cause, such as `illegal_move` or `not_a_record`.
    """

    path: str | None
    line: int
    column: int
    kind: str

class IllegalMoveError(RecordError):
    """A move that the position does not allow."""

class DatasetError(Exception):
    """A dataset that cannot be used as asked: the message names it and the mend."""

class UsageError(DatasetError):
    """Inputs or options that cannot be used: exit status 2 on the command line."""

def build_info() -> dict[str, str]:
    """Tell how the extension was built and what it runs on.

    Returns:
        `profile` (`daily` or `release`), `target`, `cpu_features` (comma separated),
        `rustc` and `arrow` versions where known.
    """
