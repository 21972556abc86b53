"""`maou find`: positions, patterns and games of an indexed dataset."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

from maou.cli.command import Command, number, path_text, positive
from maou.cli.found import RESULT_NAMES, picture_path
from maou.cli.ranges import dates, numbers, whole_numbers
from maou.cli.results import N_DRAWN, N_SHOWN, SORTS, show
from maou.cli.text import printable, width

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from maou_rust import RecordError
    from maou_rust.maou_shogi import Board

RESULTS = {
    "draw": 0,
    "black": 1,
    "white": 2,
    "unknown": 3,
    **{name: idx for idx, name in enumerate(RESULT_NAMES)},
}
"""What `--result` takes: who won, or the names of results."""
NOT_WITH_ALSO_IN = (
    *("sfen", "hcp", "after", "pattern", "either_color", "mirror", "eval", "ply"),
    *("final", "id", "id_prefix", "player", "rating", "date", "result", "ending"),
    *("event", "moves", "sort"),
)
HCP_DIGITS = 64
MOST_DRAWN = 400
"""More boards in one picture are too small to see, and slow to draw."""


class RefusedError(Exception):
    """A text that cannot be read, with its place."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou find`."""
    parser.add_argument(
        "data", type=path_text, metavar="DATA", help="the dataset folder"
    )
    add_positions(parser)
    add_games(parser)
    add_output(parser)
    parser.set_defaults(refuse=parser.error)


def add_positions(parser: ArgumentParser) -> None:
    """Add what positions are asked by."""
    group = parser.add_argument_group("positions")
    start = group.add_mutually_exclusive_group()
    start.add_argument(
        "--sfen",
        metavar="SFEN",
        help="this position, however it was reached; `startpos` is that of even games",
    )
    start.add_argument("--hcp", metavar="HEX", help="the same, as 64 hex digits of HCP")
    group.add_argument(
        "--after",
        metavar="MOVES",
        help='the position after these moves, such as "7g7f 3c3d", from --sfen, --hcp'
        " or the start of even games",
    )
    group.add_argument(
        "--pattern",
        metavar="PATTERN",
        help='what a position looks like, such as "R6-9 K2-3h hand:B"; see above',
    )
    group.add_argument(
        "--either-color",
        action="store_true",
        help="the same with colors swapped and the board turned counts, too",
    )
    group.add_argument(
        "--mirror",
        action="store_true",
        help="the mirror image fits the pattern, too",
    )
    group.add_argument(
        "--eval",
        type=whole_numbers,
        metavar="A..B",
        help="centipawns for the side to move, such as -200..200 or 300..",
    )
    group.add_argument(
        "--ply",
        type=whole_numbers,
        metavar="A..B",
        help="moves played before, such as 30..60",
    )
    group.add_argument(
        "--final",
        action="store_true",
        help="the last position of each game counts, too",
    )
    group.add_argument(
        "--variations",
        action="store_true",
        help="variations count, too, where the dataset keeps them",
    )


def game_id(text: str) -> str:
    """Parse the id of a game."""
    return _hex_digits(text, 16, "16 hex digits")


def first_digits(text: str) -> str:
    """Parse what ids of games begin with."""
    return _hex_digits(text, 1, "1 to 16 hex digits")


def _hex_digits(text: str, least: int, expected: str) -> str:
    if re.fullmatch(rf"[0-9A-Fa-f]{{{least},16}}", text) is None:
        raise ArgumentTypeError(f"expected {expected}, found `{text}`")
    return text


def add_games(parser: ArgumentParser) -> None:
    """Add what games are asked by."""
    group = parser.add_argument_group("games")
    ids = group.add_mutually_exclusive_group()
    ids.add_argument("--id", type=game_id, metavar="HEX", help="the game with this id")
    ids.add_argument(
        "--id-prefix",
        type=first_digits,
        metavar="HEX",
        help="games whose ids begin like this",
    )
    group.add_argument(
        "--player",
        metavar="NAME",
        help="games of this player; `*` stands for any text, as in `*Habu*`",
    )
    group.add_argument(
        "--rating",
        type=numbers,
        metavar="A..B",
        help="games with a player of this rating, or --player's, such as 2800..",
    )
    group.add_argument(
        "--date",
        type=dates,
        metavar="A..B",
        help="games of these days, months or years, such as 2024-01..2024-06",
    )
    group.add_argument(
        "--result",
        choices=RESULTS,
        metavar="RESULT",
        help="black or white, who won; draw or unknown",
    )
    group.add_argument(
        "--ending",
        metavar="ENDING",
        help="how the game ended, such as resign or repetition",
    )
    group.add_argument(
        "--event", metavar="NAME", help="games of this event; `*` stands for any text"
    )


def add_output(parser: ArgumentParser) -> None:
    """Add what becomes of the results."""
    group = parser.add_argument_group("results")
    group.add_argument(
        "--unit",
        choices=("positions", "games"),
        help="what is counted and listed; without it games if only games are asked for",
    )
    group.add_argument(
        "--also-in",
        type=path_text,
        metavar="OTHER",
        help="what this dataset or training set has, too: all positions or, with --unit"
        " games, all games; no other filters",
    )
    out = group.add_mutually_exclusive_group()
    out.add_argument("--count", action="store_true", help="only tell how many")
    out.add_argument(
        "--moves",
        action="store_true",
        help="what was played from the position, the most frequent move first",
    )
    out.add_argument(
        "--to",
        choices=("kif", "csa", "usi", "sfen"),
        help="write the games as KIF or CSA, the ways to the positions as USI, or the"
        " positions as SFEN",
    )
    out.add_argument(
        "--svg",
        type=picture_path,
        metavar="FILE",
        help="draw the positions as one picture; a name that ends in .png makes PNG",
    )
    group.add_argument("--json", action="store_true", help="report as JSON")
    group.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help=f"results at most; without it {N_SHOWN} in a table,"
        f" {N_DRAWN} in a picture",
    )
    group.add_argument(
        "--offset",
        type=number,
        default=0,
        metavar="N",
        help="results to leave out first (default: %(default)s)",
    )
    group.add_argument(
        "--sort",
        choices=SORTS,
        help="by what to sort; without it in the order of the dataset",
    )
    group.add_argument(
        "--descending", action="store_true", help="with --sort, the greatest first"
    )
    group.add_argument(
        "--index-dir",
        type=path_text,
        metavar="DIR",
        help="where the index lies, if not in the dataset",
    )
    group.add_argument(
        "--also-in-index-dir",
        type=path_text,
        metavar="DIR",
        help="where that of --also-in lies, likewise",
    )


def run(arguments: Namespace) -> int:
    """Find, and show what was found."""
    import maou

    check(arguments)
    try:
        position, filters = position_of(arguments), filters_of(arguments)
    except RefusedError as refused:
        print(f"maou find: {refused}", file=sys.stderr)
        return 2
    index = maou.Index(arguments.data, index_dir=arguments.index_dir)
    return show(index, position, filters, arguments)


def check(arguments: Namespace) -> None:
    """Refuse options that do not go together."""
    refuse = arguments.refuse
    if arguments.json and (arguments.to or arguments.svg):
        option = "--to" if arguments.to else "--svg"
        refuse(f"argument --json: not allowed with argument {option}")
    if arguments.mirror and arguments.pattern is None:
        refuse("argument --mirror: expected a --pattern that it is about")
    has_position = not (
        arguments.sfen is None and arguments.hcp is None and arguments.after is None
    )
    if arguments.either_color and not (
        has_position or arguments.moves or arguments.pattern is not None
    ):
        refuse("argument --either-color: expected a position or a --pattern")
    check_also_in(arguments)
    if arguments.moves and arguments.pattern is not None:
        refuse("argument --moves: expected one position, found a --pattern")
    if arguments.moves and arguments.unit == "games":
        refuse("argument --moves: not allowed with argument --unit games")
    for name in ("final", "sort"):
        if arguments.moves and getattr(arguments, name):
            refuse(f"argument --moves: not allowed with argument --{name}")
    if arguments.descending and arguments.sort is None:
        refuse("argument --descending: expected a --sort that it is about")
    if arguments.svg and (arguments.limit or 0) > MOST_DRAWN:
        refuse(
            f"argument --svg: expected at most {MOST_DRAWN} boards in a picture,"
            f" found --limit {arguments.limit}"
        )


def check_also_in(arguments: Namespace) -> None:
    """Refuse options that do not go together with `--also-in`."""
    if arguments.also_in is not None:
        for name in NOT_WITH_ALSO_IN:
            if getattr(arguments, name) not in (None, False):
                option = "--" + name.replace("_", "-")
                arguments.refuse(
                    f"argument --also-in: not allowed with argument {option}"
                )
    elif arguments.also_in_index_dir is not None:
        arguments.refuse(
            "argument --also-in-index-dir: expected an --also-in that it is about"
        )


def position_of(arguments: Namespace) -> Board | None:
    """The position that is asked for, if one is."""
    from maou_rust import RecordError
    from maou_rust.maou_shogi import Board

    is_start = arguments.sfen in (None, "startpos") and arguments.hcp is None
    if arguments.hcp is not None:
        board = board_of_hex(arguments.hcp)
    elif is_start:
        if arguments.sfen is None and arguments.after is None and not arguments.moves:
            return None
        board = Board()
    else:
        try:
            board = Board(arguments.sfen)
        except RecordError as error:
            error = with_moves_apart(arguments.sfen) or error
            raise pointed("--sfen", arguments.sfen, error) from error
    for found in re.finditer(r"\S+", arguments.after or ""):
        try:
            board.push_usi(found[0])
        except RecordError as error:
            error.column = found.start() + 1
            raise pointed("--after", arguments.after, error) from error
    return board


def with_moves_apart(text: str) -> RecordError | None:
    """What to say of a position as engines are told it: moves are for `--after`."""
    from maou_rust import RecordError

    found = re.match(r"\s*(?=position\b|sfen\b)|.*\s(?=moves\b)", text)
    if found is None:
        return None
    error = RecordError(
        "expected an SFEN or `startpos` and no more; moves stand in --after"
    )
    error.line, error.column = 0, found.end() + 1
    return error


def board_of_hex(text: str) -> Board:
    """The position of HCP in hex digits."""
    from maou_rust import RecordError
    from maou_rust.maou_shogi import Board

    wrong = re.search(r"[^0-9a-fA-F]", text)
    if wrong or len(text) != HCP_DIGITS:
        found = f"`{wrong[0]}`" if wrong else f"{len(text)}"
        error = RecordError(f"expected {HCP_DIGITS} hex digits, found {found}")
        error.line, error.column = 0, wrong.start() + 1 if wrong else 1
        raise pointed("--hcp", text, error)
    try:
        return Board.from_hcp(bytes.fromhex(text))
    except RecordError as error:
        raise RefusedError(f"--hcp: {error}") from error


def pointed(option: str, text: str, error: RecordError) -> RefusedError:
    """The error of an option, with a caret below the place in its text."""
    place = f"{error.line}:{error.column}: "
    message = str(error).removeprefix(place).removeprefix(f"column {error.column}: ")
    before = width(printable(text[: error.column - 1]))
    return RefusedError(
        f"{option}: column {error.column}: {printable(message)}\n"
        f"  {printable(text)}\n  {' ' * before}^"
    )


def filters_of(arguments: Namespace) -> dict[str, Any]:
    """The filters as `maou.Index` takes them; what is not asked for is not there."""
    from maou_rust import RecordError, maou_index

    if arguments.pattern is not None:
        try:
            maou_index.check_pattern(arguments.pattern)
        except RecordError as error:
            raise pointed("--pattern", arguments.pattern, error) from error
    told = {
        "pattern": arguments.pattern,
        "id": arguments.id,
        "id_prefix": arguments.id_prefix,
        "player": arguments.player,
        "rating": arguments.rating,
        "date": arguments.date,
        "eval_cp": arguments.eval,
        "ply": arguments.ply,
        "result": None if arguments.result is None else RESULTS[arguments.result],
        "ending": arguments.ending,
        "event": arguments.event,
        "unit": arguments.unit,
    }
    flags = {
        "either_color": arguments.either_color,
        "mirror": arguments.mirror,
        "final": arguments.final,
        "variations": arguments.variations,
    }
    asked = {name: value for name, value in told.items() if value is not None}
    return asked | {name: True for name, value in flags.items() if value}


COMMAND = Command(
    name="find",
    summary="positions, patterns and games of an indexed dataset, in milliseconds",
    description="""Find positions, patterns and games of a dataset with an index.
All that is asked for has to hold. Ranges include both ends, either may be left out.

A pattern is terms with spaces between them, all of which have to fit:
  P7f  p3d  +r2c      a piece of Black, of White, promoted, on a square
  R6-9  Rh  K7-9g-i   on one of these files, of this rank, in this corner
  G5h,6h  +B*         on one of these squares, anywhere
  X5e  x5e  *5e  .5e  any piece of Black, of White, of either, none
  hand:RB2p           in hand at least: Black's R and B, White's two p
  black  white        the side to move
  P7f|P7g  not P5     one of these; the term after `not` must not fit""",
    example='maou find dataset --after "7g7f 3c3d" --moves\n'
    'maou find dataset --pattern "R6-9 K2-3h hand:B" --svg sheet.svg',
    add_arguments=add_arguments,
    run=run,
)
