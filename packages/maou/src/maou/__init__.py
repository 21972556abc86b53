r"""maou: from shogi game records to a shogi AI.

Examples:
    >>> import maou
    >>> record = b"V2.2\nPI\n+\n+7776FU\n-3334FU\n%TORYO\n"
    >>> game = maou.read_games(record)[0]
    >>> game.usi_moves, game.result
    (['7g7f', '3c3d'], <GameResult.WHITE_WINS: 2>)
    >>> board = maou.Board()
    >>> board.push_usi("7g7f")
    Move.from_usi('7g7f')
    >>> len(board.legal_moves), board.is_check()
    (30, False)
"""

from __future__ import annotations

from maou import _compat
from maou._version import __version__
from maou.vocabulary import (
    Color,
    Ending,
    GameResult,
    Piece,
    PieceType,
    Repetition,
    Square,
)

_compat.check()

from maou_rust import (  # noqa: E402
    DatasetError,
    IllegalMoveError,
    RecordError,
    UsageError,
)
from maou_rust.maou_shogi import Board, Hand, LegalMoves, Move  # noqa: E402

# Not from `typing`, which takes longer to import than all of the rest together.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from maou import policy, svg, train
    from maou.batches import Batch, Batches
    from maou.board import Outcome
    from maou.dataset import Dataset, to_usi
    from maou.evaluation import evaluate
    from maou.export import export_onnx
    from maou.game import Comment, Game, Variation
    from maou.headers import TimeControl
    from maou.index import Index
    from maou.positions import PositionArray
    from maou.preparation import prepare
    from maou.records import read_games, write_games
    from maou.training_set import TrainingSet

__all__ = [
    "Batch",
    "Batches",
    "Board",
    "Color",
    "Comment",
    "Dataset",
    "DatasetError",
    "Ending",
    "Game",
    "GameResult",
    "Hand",
    "IllegalMoveError",
    "Index",
    "LegalMoves",
    "Move",
    "Outcome",
    "Piece",
    "PieceType",
    "PositionArray",
    "RecordError",
    "Repetition",
    "Square",
    "TimeControl",
    "TrainingSet",
    "UsageError",
    "Variation",
    "__version__",
    "evaluate",
    "export_onnx",
    "policy",
    "prepare",
    "read_games",
    "svg",
    "to_usi",
    "train",
    "write_games",
]

# Loaded on first use: `import maou` stays as light as the bare extension.
_LAZY = {
    "Batch": "maou.batches",
    "Batches": "maou.batches",
    "Comment": "maou.game",
    "Dataset": "maou.dataset",
    "Game": "maou.game",
    "Index": "maou.index",
    "Outcome": "maou.board",
    "PositionArray": "maou.positions",
    "TimeControl": "maou.headers",
    "TrainingSet": "maou.training_set",
    "Variation": "maou.game",
    "evaluate": "maou.evaluation",
    "export_onnx": "maou.export",
    "policy": "maou.policy",
    "prepare": "maou.preparation",
    "read_games": "maou.records",
    "svg": "maou.svg",
    "to_usi": "maou.dataset",
    "train": "maou.train",
    "write_games": "maou.records",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'maou' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_LAZY[name])
    value = module if name in ("policy", "svg", "train") else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
