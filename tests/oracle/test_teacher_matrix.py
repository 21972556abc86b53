"""Every input as every kind of teacher records, byte for byte as cshogi has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import maou

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.oracle

# Evals for the side to move; Black wins.
MOVES = (
    ("7g7f", 30),
    ("3c3d", -45),
    ("8h2b+", 52),
    ("3a2b", -60),
    ("B*4e", 1200),
)
CSA = """V2.2
PI
+
+7776FU
'** 30
-3334FU
'** 45
+8822UM
'** 52
-3122GI
'** 60
+0045KA
'** 1200
%TORYO
"""
KIF = """手合割：平手
手数----指手---------消費時間--
   1 ７六歩(77)
   2 ３四歩(33)
   3 ２二角成(88)
   4 同　銀(31)
   5 ４五角打
   6 投了
"""
TEACHERS = ("hcpe", "hcpe2", "hcpe3", "psv")
SOURCES = ("csa", "kif", *TEACHERS, "dataset")

START_HCP = "58a449210cd757217e8e4d212caf427814c2ab109e4d212cd75f213e8e49210c"
START_PACKED = "58a451220ceb67227e9653221caf447824c22b119e53221ceb6f223e9651220c"
PINNED = {
    "hcpe": START_HCP + "1e00" + "3b1e" + "01" + "00",
    "hcpe2": START_HCP + "1e00" + "3b1e" + "01" + "00",
    "hcpe3": START_HCP + "0500" + "01" + "00" + "3b1e" + "1e00" + "0100" + "3b1e0100",
    "psv": START_PACKED + "1e00" + "3b1e" + "0100" + "01" + "00",
}
"""The first record or move, by hand."""


def expected(has_evals: bool, has_plies: bool) -> dict[str, bytes]:
    """The game as cshogi writes its positions."""
    import cshogi
    import numpy as np

    board = cshogi.Board()
    hcpe = np.zeros(len(MOVES), cshogi.HuffmanCodedPosAndEval)
    psv = np.zeros(len(MOVES), cshogi.PackedSfenValue)
    start = np.zeros(1, cshogi.HuffmanCodedPos)
    board.to_hcp(start)
    game = start.tobytes() + len(MOVES).to_bytes(2, "little") + bytes([1, 0])
    for ply, (usi, eval_cp) in enumerate(MOVES):
        move = board.move_from_usi(usi)
        assert board.is_legal(move)
        cp = eval_cp * has_evals
        board.to_hcp(hcpe["hcp"][ply])
        board.to_psfen(psv["sfen"][ply])
        move16 = cshogi.move16(move)
        hcpe["eval"][ply] = psv["score"][ply] = cp
        hcpe["bestMove16"][ply] = move16
        hcpe["gameResult"][ply] = cshogi.BLACK_WIN
        psv["move"][ply] = cshogi.move16_to_psv(move16)
        psv["gamePly"][ply] = (ply + 1) * has_plies
        psv["game_result"][ply] = 1 if board.turn == cshogi.BLACK else -1
        numbers = (move16, cp % 65536, 1, move16, 1)
        game += np.array(numbers, dtype="<u2").tobytes()
        board.push(move)
    return {
        "hcpe": hcpe.tobytes(),
        "hcpe2": hcpe.tobytes(),
        "hcpe3": game,
        "psv": psv.tobytes(),
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The game in every form, the teacher records as cshogi writes them."""
    from maou_rust import maou_io

    folder = tmp_path_factory.mktemp("matrix")
    paths = {name: folder / f"game.{name}" for name in SOURCES}
    paths["csa"].write_text(CSA, encoding="utf-8")
    paths["kif"].write_text(KIF, encoding="utf-8")
    for name, content in expected(has_evals=True, has_plies=True).items():
        paths[name].write_bytes(content)
    maou_io.convert([paths["csa"]], paths["dataset"])
    return paths


@pytest.mark.parametrize("target", TEACHERS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_pair(
    maou_run: Any, sources: dict[str, Path], tmp_path: Path, source: str, target: str
) -> None:
    out = tmp_path / "out"
    told = ["--from", "hcpe2"] if source == "hcpe2" else []
    told += ["--missing-eval", "0"] if source == "kif" else []
    words = ["convert", sources[source], "--to", target, "-o", out, "--json", *told]
    done = maou_run(*words)
    report = json.loads(done.stdout)
    if source in ("hcpe", "hcpe2", "psv") and target == "hcpe3":
        assert (done.returncode, out.read_bytes()) == (1, b"")
        assert report["left_out"] == {"not_a_game": len(MOVES)}
        return
    assert (done.returncode, done.stderr, report["left_out"]) == (0, "", {})
    has_plies = source not in ("hcpe", "hcpe2")
    wanted = expected(has_evals=source != "kif", has_plies=has_plies)[target]
    assert out.read_bytes() == wanted
    if source != "kif" and (has_plies or target != "psv"):
        assert wanted.hex().startswith(PINNED[target])


@pytest.mark.parametrize("source", SOURCES)
def test_every_input_becomes_a_dataset(
    sources: dict[str, Path], tmp_path: Path, source: str
) -> None:
    from maou_rust import maou_io

    out = tmp_path / "data"
    form = source if source == "hcpe2" else None
    report = maou_io.convert([sources[source]], out, source_format=form)
    assert report["n_errors"] == 0
    data = maou.Dataset(out)
    evals = [cp if source != "kif" else None for _, cp in MOVES]
    if source in ("hcpe", "hcpe2", "psv"):
        frame = data.positions_table.collect()
        plies = [n if source == "psv" else None for n in range(1, 6)]
        assert frame["eval_cp"].to_list() == evals
        assert frame["ply"].to_list() == plies
        assert frame["result"].to_list() == [1] * len(MOVES)
    else:
        (game,) = data.games.collect().iter_rows(named=True)
        assert game["evals_cp"] == evals
        assert game["result"] == 1
        assert len(game["moves"]) == len(MOVES)
        if source == "hcpe3":
            assert game["visits"] == [[1]] * len(MOVES)


def test_what_no_format_holds_is_counted(maou_run: Any, tmp_path: Path) -> None:
    unknown = CSA.replace("%TORYO", "%CHUDAN")
    one_king = "V2.2\nP-00FU\nP-11OU\nP+13GI24KI\n+\n+2423KI\n'** 1\n%TORYO\n"
    cases = {"unknown_result": (unknown, 5, 1), "missing_king": (one_king, 1, 1)}
    for cause, (text, n_positions, n_games) in cases.items():
        path = tmp_path / f"{cause}.csa"
        path.write_text(text, encoding="utf-8")
        for target in TEACHERS:
            out = tmp_path / f"{cause}.{target}"
            done = maou_run("convert", path, "--to", target, "-o", out, "--json")
            n_left_out = n_games if target == "hcpe3" else n_positions
            report = json.loads(done.stdout)
            assert done.returncode == 1, done.stderr
            assert report["left_out"] == {cause: n_left_out}, (cause, target)
            assert (report["n_written"], out.read_bytes()) == (0, b"")
