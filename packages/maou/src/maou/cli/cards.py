"""Positions on the terminal: small boards with what is known beside them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from maou.cli.text import printable, shorten, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maou_rust.maou_shogi import Board

    Row = dict[str, Any]
    """What is known of a position, by the names of `Dataset.positions`."""

FILES = " ９ ８ ７ ６ ５ ４ ３ ２ １"
BOARD_COLUMNS = 30
FACTS_COLUMNS = 38
NARROW = str.maketrans("１２３４５６７８９", "123456789")
RESULTS = ("draw", "Black wins", "White wins", "unknown")


def id_text(game: int) -> str:
    """Write the id of a game as everywhere, as 16 hex digits.

    Examples:
        >>> id_text(255)
        '00000000000000ff'
    """
    return f"{game:016x}"


def board_of(row: Row) -> Board:
    """The board of a row."""
    from maou_rust.maou_shogi import Board

    return Board(row["sfen"])


def move_text(board: Board, move: int | None) -> str:
    """Write the move of a row as people read it, and as options take it."""
    from maou_rust.maou_shogi import Move

    if move is None:
        return "nothing: the last position"
    played = Move(move)
    return f"{board.ki2(played)}  {played.usi()}"


def eval_text(eval_cp: int) -> str:
    """Write an eval with its sign.

    Examples:
        >>> eval_text(120), eval_text(0), eval_text(-3)
        ('+120', '0', '-3')
    """
    return f"{eval_cp:+d}" if eval_cp else "0"


def ending_text(row: Row) -> str:
    """Tell the result, and how it came about where that is known."""
    ending = row.get("ending")
    text = RESULTS[row["result"]]
    return f"{text} ({ending})" if ending and ending != "unknown" else text


def player_text(row: Row, side: str) -> str:
    """Name a player with the rating."""
    rating = row.get(f"{side}_rating")
    name = row.get(side) or "?"
    return name if rating is None else f"{name} ({rating:.0f})"


def facts(row: Row, board: Board, number: int) -> list[str]:
    """What is known of a position, a line each."""
    turn = "Black" if int(board.turn) == 0 else "White"
    ply = "" if row["ply"] is None else f"ply {row['ply']}, "
    black_hand, white_hand = hands_of(board)
    lines = [f"#{number}  {ply}{turn} to move"]
    if row.get("n") is not None:
        times = "once" if row["n"] == 1 else f"{row['n']:,} times"
        lines[0] += f", there {times}"
    if row["game"] is None:
        lines += ["", f"White   holds {white_hand}", f"Black   holds {black_hand}"]
    else:
        lines += [
            f"game    {id_text(row['game'])}",
            f"White   {player_text(row, 'white')}",
            f"        holds {white_hand}",
            f"Black   {player_text(row, 'black')}",
            f"        holds {black_hand}",
        ]
    lines.append(f"played  {move_text(board, row['move'])}")
    if row["eval_cp"] is not None:
        lines.append(f"eval    {eval_text(row['eval_cp'])} for {turn}")
    lines.append(f"result  {ending_text(row)}")
    where = [str(row[name]) for name in ("date", "event") if row.get(name)]
    lines.append(f"from    {', '.join(where) or row['source']}")
    return lines


def hands_of(board: Board) -> tuple[str, str]:
    """What Black and White hold, in kanji."""
    lines = str(board).splitlines()
    hands = [line.partition("：")[2] for line in lines if "の持駒：" in line]
    white, black = (" ".join(hand.split()).replace("なし", "nothing") for hand in hands)
    return black, white


def board_lines(board: Board) -> list[str]:
    """The board in ten lines, the files on top."""
    ranks = [line for line in str(board).splitlines() if line.startswith("|")]
    return [FILES, *(line[1:].replace("|", " ") for line in ranks)]


def cards(rows: Sequence[Row], first_number: int) -> str:
    """Lay positions out, as many beside each other as the terminal has room for."""
    columns = shutil.get_terminal_size((80, 24)).columns
    card = BOARD_COLUMNS + 2 + FACTS_COLUMNS
    n_beside = max(1, (columns + 3) // (card + 3))
    facts_columns = FACTS_COLUMNS
    if n_beside == 1:
        facts_columns = max(20, columns - BOARD_COLUMNS - 2)
    made = [
        one_card(row, first_number + idx, facts_columns) for idx, row in enumerate(rows)
    ]
    blocks = []
    for start in range(0, len(made), n_beside):
        beside = made[start : start + n_beside]
        lines = ["   ".join(parts).rstrip() for parts in zip(*beside, strict=True)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def one_card(row: Row, number: int, facts_columns: int) -> list[str]:
    """A board with its facts, ten lines of equal width."""
    board = board_of(row)
    told = facts(row, board, number)
    left = board_lines(board)
    told += [""] * (len(left) - len(told))
    lines = []
    for drawn, fact in zip(left, told, strict=True):
        text = shorten(printable(fact), facts_columns)
        gap = " " * (BOARD_COLUMNS + 2 - width(drawn))
        lines.append(f"{drawn}{gap}{text}{' ' * (facts_columns - width(text))}")
    return lines


def caption(row: Row) -> str:
    """What is known of a position, below its picture: two lines."""
    board = board_of(row)
    parts = [] if row["ply"] is None else [f"ply {row['ply']}"]
    if row["move"] is not None:
        # Of the digits, pictures have outlines of the usual ones.
        parts.append(move_text(board, row["move"]).split()[0].translate(NARROW))
    if row["eval_cp"] is not None:
        parts.append(eval_text(row["eval_cp"]))
    parts.append(RESULTS[row["result"]] if row["result"] < 3 else "result unknown")
    if row["game"] is None:
        names = row["source"]
    else:
        names = f"{player_text(row, 'black')} - {player_text(row, 'white')}"
    return f"{', '.join(parts)}\n{shorten(names, 44)}"
