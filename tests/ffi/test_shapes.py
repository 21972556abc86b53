"""The dicts that cross the border have exactly the keys that the stubs promise."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from maou_rust import maou_index, maou_io, maou_shogi

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.ffi

STUBS = Path(__file__).resolve().parents[2] / "packages/maou-rust/maou_rust-stubs"


def promised(module: str, name: str) -> set[str]:
    """Keys of a TypedDict of a stub, with those that it has of others."""
    tree = ast.parse((STUBS / f"{module}.pyi").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            bases = (b.id for b in node.bases if isinstance(b, ast.Name))
            found = [promised(module, b) for b in bases if b != "TypedDict"]
            fields = (f for f in node.body if isinstance(f, ast.AnnAssign))
            own = {f.target.id for f in fields if isinstance(f.target, ast.Name)}
            return own.union(*found)
    pytest.fail(f"expected the class {name} in {module}.pyi")


def check(value: Mapping[str, Any], module: str, name: str) -> None:
    assert set(value) == promised(module, name)


def test_of_maou_io(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csa").write_bytes(b"PI\n+\n+7776FU\n-7776FU\n")
    out = tmp_path / "data"
    seen: list[maou_io.Progress] = []
    report = maou_io.convert([tmp_path / "in"], out, progress=seen.append)
    check(report, "maou_io", "ConvertReport")
    check(report["errors"][0], "maou_io", "ErrorEntry")
    check(maou_io.errors(out)[0], "maou_io", "ErrorEntry")
    check(maou_io.info(out), "maou_io", "DatasetInfo")
    check(maou_io.schema()[0], "maou_io", "Column")
    for progress in seen:
        check(progress, "maou_io", "Progress")
    check(maou_io.verify(out), "maou_io", "VerifyReport")
    check(maou_index.scan(tmp_path)[0], "maou_index", "Found")
    check(maou_io.files(out)[0], "maou_io", "File")
    exported = maou_io.export(out, tmp_path / "data.psv", format="psv")
    check(exported, "maou_io", "ExportReport")
    games = Path(maou_io.shards(out)[0])
    games.write_bytes(games.read_bytes()[:-100])
    verified = maou_io.verify(out)
    check(verified["problems"][0], "maou_io", "Problem")


def test_of_maou_shogi() -> None:
    _, games, problems = maou_shogi.read_records(b"PI\n+\n+7776FU\n-7776FU\n")
    assert games[0].tail == "-7776FU"
    check(problems[0], "maou_shogi", "RecordProblem")


def test_of_trees() -> None:
    record = "1 ７六歩(77)\n2 ３四歩(33)\n\n変化：2手\n2 ８四歩(83)\n".encode()
    _, (game,), problems = maou_shogi.read_records(record, full=True)
    assert problems == []
    check(game.variations[0], "maou_shogi", "RawVariation")
    names = promised("maou_shogi", "WrittenGame")
    raw: Any = {name: getattr(game, name) for name in names}
    same = maou_shogi.Game.from_dict(raw)
    assert same.id == game.id
    assert {name: getattr(same, name) for name in names} == raw
    text, losses = maou_shogi.write_records([same], "csa")
    assert text.startswith(b"V2.2\n")
    assert losses == {"variations": 1}
    for key in names:
        less: Any = {name: value for name, value in raw.items() if name != key}
        with pytest.raises(ValueError, match=f"`{key}`"):
            maou_shogi.Game.from_dict(less)


def test_of_training_sets(tmp_path: Path) -> None:
    (tmp_path / "a.csa").write_bytes(b"PI\n+\n+7776FU\n-3334FU\n%TORYO\n")
    maou_io.convert([tmp_path / "a.csa"], tmp_path / "data")
    out = tmp_path / "train"
    seen: list[maou_io.PrepareProgress] = []
    report = maou_io.prepare(
        [(tmp_path / "data", 1.0, None)], out, memory=10**8, progress=seen.append
    )
    check(report, "maou_io", "PrepareReport")
    check(report["train"], "maou_io", "SplitEntry")
    check(report["train"]["files"][0], "maou_io", "TrainingFileEntry")
    check(report["inputs"][0], "maou_io", "InputEntry")
    check(report["balance"][0], "maou_io", "Balance")
    check(report["balance"][0]["black"], "maou_io", "SideBalance")
    check(seen[0], "maou_io", "PrepareProgress")
    info = maou_io.training_info(out)
    check(info, "maou_io", "TrainingInfo")
    check(info["options"], "maou_io", "TrainingOptions")
    check(info["options"]["selection"], "maou_io", "Selection")
    check(info["options"]["selection"]["ply"], "maou_io", "Between")
    check(maou_io.verify_training(out), "maou_io", "TrainingVerifyReport")
    # What both tell is the same.
    shared = promised("maou_io", "TrainingContents")
    assert {name: report[name] for name in shared} == {  # type: ignore[literal-required]
        name: info[name]  # type: ignore[literal-required]
        for name in shared
    }
