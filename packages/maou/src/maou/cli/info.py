"""`maou info`: what a dataset, a folder of datasets or a record file holds."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from maou.cli.command import Command, path_text
from maou.cli.text import count, fields, printable, shorten, size, table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from maou_rust.maou_index import IndexStatus
    from maou_rust.maou_io import DatasetInfo, ErrorEntry, TeacherInfo, TrainingInfo
    from maou_rust.maou_shogi import Game

N_PLIES_FOR_A_RATE = 1000
"""Below it the size of a file says nothing of the size of a ply."""
SCHEMA_HEADINGS = {
    "variations": "a further column, where variations are kept:",
    "search": "further columns, where a game of HCPE3 is in the file:",
    "positions": "loose positions (HCPE, PSV):",
    "every_position": "every position, as `maou.Dataset.positions` streams them:",
    "training": "training sets:",
}
GAME_FIELDS = (
    *("id", "start", "moves", "evals_cp", "times_ms", "result", "ending", "tail"),
    *("black", "white", "event", "black_rating", "white_rating", "date"),
    "eval_scale_cp",
)
"""What `--json` tells of each game of a record."""
RESULTS = ("draw", "Black wins", "White wins", "unknown")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `maou info`."""
    parser.add_argument(
        "path",
        nargs="?",
        type=path_text,
        metavar="PATH",
        help="a dataset, a training set, a folder with datasets below it, or a file of"
        " records: games or teacher records",
    )
    parser.add_argument(
        "--errors",
        action="store_true",
        help="list what could not be read, grouped by cause",
    )
    parser.add_argument(
        "--schema",
        action="store_true",
        help="tell what the columns of datasets and training sets mean",
    )
    parser.add_argument(
        "--index-dir",
        type=path_text,
        metavar="DIR",
        help="where the index of the dataset lies, if not in the dataset",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(arguments: Namespace) -> int:
    """Tell what is there."""
    from maou_rust import UsageError

    if arguments.schema:
        return show_schema(arguments)
    if arguments.path is None:
        raise UsageError("expected a PATH, or --schema")
    path = Path(arguments.path)
    if path.is_dir():
        return show_path(path, arguments)
    if path.suffix in {".feather", ".json", ".jsonl"} and is_dataset(path.parent):
        raise UsageError(
            f"{path}: expected a dataset or a record, found a part of a dataset:"
            f" maou info {quote(str(path.parent))}"
        )
    return show_record(path, arguments)


def show_path(path: Path, arguments: Namespace) -> int:
    """Tell what a folder holds."""
    from maou_rust import UsageError, maou_io

    from maou.train.config import is_run

    if maou_io.is_training_set(path):
        return show_training_set(path, arguments)
    if is_run(path):
        raise UsageError(
            f"{path}: expected a dataset or a training set, found a run of `maou"
            f" train`: `maou evaluate {quote(str(path))} DATA` measures it, its options"
            f" are in {path / 'config.toml'}"
        )
    return (show_dataset if is_dataset(path) else show_folder)(path, arguments)


def show_training_set(path: Path, arguments: Namespace) -> int:
    """Tell what a training set holds and what it was made of."""
    from maou_rust import UsageError, maou_io

    if arguments.errors:
        raise UsageError(
            f"{path}: expected a dataset for --errors, found a training set, which has"
            " none: those of the datasets that it was made of are in these"
        )
    info = maou_io.training_info(path)
    if arguments.json:
        print_json(info)
    else:
        print(training_text(path, info))
    return 0


def training_text(path: Path, info: TrainingInfo) -> str:
    """Describe a training set."""
    from maou.cli.prepare import left_out_parts, percent

    rows = [("training set", str(path))]
    for name, split in (("train", info["train"]), ("validation", info["validation"])):
        sources = count(split["n_games"], "game")
        if split["n_loose_positions"]:
            sources += f", {split['n_loose_positions']:,} loose"
        text = f"{count(split['n_rows'], 'position')} of {sources}"
        text += f", {count(split['n_occurrences'], 'occurrence')}"
        rows.append((name, text if split["n_rows"] else "none"))
        if split["n_rows"]:
            rows.append(("", f"for the side to move: {tally(split['scores'])}"))
            share = percent(split["n_evals"], split["n_occurrences"])
            rows.append(("", f"evals: {split['n_evals']:,} ({share})"))
    if info["validation"]["n_rows"]:
        share = percent(info["n_shared_rows"], info["validation"]["n_rows"])
        text = f"{info['n_shared_rows']:,} positions of validation ({share})"
        rows.append(("on both sides", text))
    for label, entries in (("made of", info["inputs"]), ("without", info["excluded"])):
        for entry in entries:
            weight = f" x {entry['weight']:g}" if entry["weight"] not in (0, 1) else ""
            rows.append((label, f"{entry['name']}{weight} ({entry['manifest_xxh3']})"))
    parts = left_out_parts(info["left_out"])
    if parts:
        rows.append(("left out", ", ".join(parts)))
    options = info["options"]
    n_files = len(info["train"]["files"]) + len(info["validation"]["files"])
    sizes = f"{size(info['size_bytes'])} in {count(n_files, 'file')}"
    rows += [
        ("policy", options["policy"]),
        ("size", f"{sizes}, {options['compression']}"),
        (
            "schema",
            f"{info['training_schema_version']}, by maou {info['maou_version']}",
        ),
    ]
    return fields(rows)


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds a dataset, be it one whose first run was interrupted."""
    return any((folder / name).is_file() for name in ("manifest.json", "journal.jsonl"))


def print_json(value: object) -> None:
    """Write one JSON value to stdout."""
    import json

    print(json.dumps(value, ensure_ascii=False, indent=2))


def show_schema(arguments: Namespace) -> int:
    """Tell what the columns of the tables mean."""
    from maou_rust import maou_io

    names = ("games", *SCHEMA_HEADINGS)
    tables = {name: maou_io.schema(name) for name in names}
    if arguments.json:
        print_json([{"table": t, **c} for t, cs in tables.items() for c in cs])
        return 0
    for name, columns in tables.items():
        if name != "games":
            print(f"\n{SCHEMA_HEADINGS[name]}")
        rows = [
            (c["name"], c["type"] + ("?" if c["nullable"] else ""), c["meaning"])
            for c in columns
        ]
        print(table(["column", "type", "meaning"], rows))
    return 0


def show_dataset(path: Path, arguments: Namespace) -> int:
    """Tell what a dataset holds, or what could not be read from its sources."""
    from maou_rust import maou_index, maou_io

    info = maou_io.info(path)
    if arguments.errors:
        entries = maou_io.errors(path)
        if arguments.json:
            print_json({**info, "error_list": entries})
        else:
            print(errors_by_cause(entries))
        return 0
    index = maou_index.status(path, index_dir=arguments.index_dir)
    if arguments.json:
        print_json({**info, "index": index})
    else:
        print(dataset_text(path, info, index_text(path, index, arguments.index_dir)))
    return 0


def index_text(path: Path, index: IndexStatus, folder: str | None) -> str:
    """Tell whether the index is as new as the dataset, and what mends it."""
    where = f" --index-dir {quote(folder)}" if folder else ""
    mend = f"maou index {quote(str(path))}{where}"
    if index["state"] == "fresh":
        return f"fresh, {size(index['size_bytes'])}"
    if index["state"] == "missing":
        return f"none: {mend}"
    if index["state"] == "stale":
        n_new, n_gone = index["n_files_new"], index["n_files_gone"]
        parts = [f"{count(n_new, 'file')} new"] if n_new else []
        parts += [f"{count(n_gone, 'file')} changed or gone"] if n_gone else []
        return f"stale ({', '.join(parts)}): {mend}"
    problem = (index["problem"] or "").partition("; `maou index ")[0]
    return f"unusable ({problem}): {mend}"


def errors_by_cause(entries: list[ErrorEntry]) -> str:
    """List errors below their kinds, the commonest kind first."""
    from maou.cli.convert import error_line

    groups: dict[str, list[ErrorEntry]] = {}
    for entry in entries:
        groups.setdefault(entry["kind"], []).append(entry)
    if not groups:
        return "no errors"
    lines = []
    for kind in sorted(groups, key=lambda kind: (-len(groups[kind]), kind)):
        lines.append(f"{printable(kind)}: {count(len(groups[kind]), 'error')}")
        lines += [f"  {error_line(entry)}" for entry in groups[kind]]
    return "\n".join(lines)


def tally(counts: dict[str, int]) -> str:
    """Write counts by name, the greatest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {n:,}" for name, n in ordered if n)


def dataset_text(path: Path, info: DatasetInfo, index: str) -> str:
    """Describe a dataset."""
    per_ply = info["bytes_per_ply"]
    sizes = f"{size(info['size_bytes'])} in {count(info['shards'], 'games file')}"
    if info["positions_files"]:
        sizes += f" and {count(info['positions_files'], 'positions file')}"
    n_plies = info["positions"] - info["loose_positions"]
    if per_ply is not None and n_plies >= N_PLIES_FOR_A_RATE:
        sizes += f", {per_ply:.2f} bytes a ply"
    if info["shards"]:
        sizes += f", {info['compression']}"
    errors = f"{info['errors']:,}"
    if info["errors"]:
        errors += (
            f" ({tally(info['errors_by_kind'])}): maou info {quote(str(path))} --errors"
        )
    positions = f"{info['positions']:,}"
    if info["loose_positions"]:
        positions += f" ({info['loose_positions']:,} loose)"
    games = f"{info['games']:,}"
    parts = [
        count(number, noun)
        for number, noun in (
            (info["variations"], "variation"),
            (info["duplicate_games"], "duplicate"),
        )
        if number
    ]
    if parts:
        games += f" ({', '.join(parts)})"
    text = fields(
        [
            ("dataset", str(path)),
            ("games", games),
            ("positions", positions),
            ("results", tally(info["results"])),
            ("endings", tally(info["endings"])),
            ("sources", f"{info['sources']:,}"),
            ("errors", errors),
            ("size", sizes),
            ("index", index),
            ("schema", f"{info['schema_version']}, by maou {info['maou_version']}"),
        ]
    )
    if info["unfinished"]:
        text += "\nunfinished: the same `maou convert` again completes it"
    return text


def show_folder(path: Path, arguments: Namespace) -> int:
    """List the datasets below a folder."""
    from maou_rust import UsageError, maou_index

    found = maou_index.scan(path)
    if not found:
        raise UsageError(
            f"{path}: expected a dataset at or below it, found none;"
            f" `maou convert {quote(str(path))} -o OUT` makes one from game records"
        )
    if arguments.json:
        print_json({"kind": "folder", "datasets": found})
        return 0
    rows = [
        (
            dataset["path"],
            f"{dataset['games']:,}",
            f"{dataset['positions']:,}",
            size(dataset["size_bytes"]),
            dataset["problem"] or "",
        )
        for dataset in found
    ]
    header = ["dataset", "games", "positions", "size", ""]
    print(table(header, rows, right="games positions size"))
    return 0


def show_record(path: Path, arguments: Namespace) -> int:
    """List the games of a record file."""
    from maou_rust import UsageError, maou_io, maou_shogi

    from maou._archives import SNIFFED_BYTES, kind_of
    from maou.records import read_file

    kind = None
    if path.is_file():
        with path.open("rb") as file:
            kind = kind_of(file.read(SNIFFED_BYTES))
    if kind:
        raise UsageError(
            f"{path}: expected a dataset or a record, found {kind} data:"
            f" `maou convert {quote(str(path))} -o OUT` reads what is in it"
        )
    if path.is_file() and (found := maou_io.teacher_info(path)):
        return show_teacher(path, found, arguments)
    data = read_file(path)
    record_format, games, problems = maou_shogi.read_records(data)
    entries: list[ErrorEntry] = [
        {"source": path.name, "path": str(path), **p} for p in problems
    ]
    if arguments.json:
        print_json(
            {
                "kind": "record",
                "format": record_format,
                "games": len(games),
                "positions": sum(game.n_plies for game in games),
                "errors": len(problems),
                "size_bytes": len(data),
                "game_list": [
                    {name: getattr(game, name) for name in GAME_FIELDS}
                    | {"moves": [int(move) for move in game.moves]}
                    for game in games
                ],
                "error_list": entries,
            }
        )
    elif arguments.errors:
        print(errors_by_cause(entries))
    else:
        print_record(games, entries)
    return 1 if problems else 0


def show_teacher(path: Path, found: TeacherInfo, arguments: Namespace) -> int:
    """Tell what a file of teacher records holds."""
    from maou.cli.convert import N_ERRORS_SHOWN, print_first_errors

    if arguments.json:
        facts: dict[str, object] = {k: v for k, v in found.items() if k != "errors"}
        listed = {"errors": found["n_errors"], "error_list": found["errors"]}
        print_json({"kind": "teacher", **facts, **listed})
    elif arguments.errors:
        print(errors_by_cause(found["errors"]))
    else:
        n_shown = min(found["n_errors"], N_ERRORS_SHOWN)
        where = f": maou info {quote(str(path))} --errors" if n_shown else ""
        print_first_errors(found["errors"], found["n_errors"], where)
        print(teacher_text(path, found))
    return 1 if found["n_errors"] else 0


def teacher_text(path: Path, found: TeacherInfo) -> str:
    """Describe a file of teacher records."""
    has_games = found["format"] == "hcpe3"
    positions = f"{found['n_positions']:,}"
    if found["n_evals"] < found["n_positions"]:
        positions += f", {found['n_evals']:,} of them for training"
    rows = [
        ("file", str(path)),
        ("format", teacher_meaning(found["format"])),
        *([("games", f"{found['n_games']:,}")] if has_games else []),
        ("positions", positions),
        *([("candidates", f"{found['n_candidates']:,}")] if has_games else []),
        ("results", tally(found["results"])),
    ]
    if found["eval_min"] is not None:
        evals = f"{found['eval_min']:,} to {found['eval_max']:,}, for the side to move"
        rows.append(("evals", evals))
    if found["n_flagged"]:
        noun = "game" if has_games else "record"
        rows.append(("flags", f"in {count(found['n_flagged'], noun)}"))
    sizes = size(found["size_bytes"])
    if found["n_positions"]:
        per_position = found["size_bytes"] / found["n_positions"]
        sizes += f", {per_position:.2f} bytes a position"
    rows += [("errors", f"{found['n_errors']:,}"), ("size", sizes)]
    return fields(rows)


def teacher_meaning(name: str) -> str:
    """Name a format of teacher records as people do."""
    from maou.cli.targets import teacher_target

    target = teacher_target(name)
    return target.meaning if target else name


def print_record(games: list[Game], entries: list[ErrorEntry]) -> None:
    """Write the games to stdout, and what could not be read to stderr."""
    from maou.cli.convert import error_line

    for entry in entries:
        print(error_line(entry), file=sys.stderr)
    if games:
        print(games_table(games))


def games_table(games: list[Game]) -> str:
    """Lay out games, one a line."""
    rows = [
        (
            game.date or "",
            shorten(game.black, 24),
            shorten(game.white, 24),
            RESULTS[game.result],
            game.ending,
            game.n_plies,
            shorten(game.event, 32),
        )
        for game in games
    ]
    header = ["date", "Black", "White", "result", "ending", "plies", "event"]
    return table(header, rows, right="plies")


COMMAND = Command(
    name="info",
    summary="what a dataset, a training set or a record file holds",
    description="Tell what a dataset, a training set, a folder of datasets or a record"
    " file holds.",
    example="maou info dataset\nmaou info dataset --errors",
    add_arguments=add_arguments,
    run=run,
)
