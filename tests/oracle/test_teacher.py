"""Teacher records are, byte for byte, what cshogi and dlshogi's converters write."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from maou_rust import maou_io, maou_shogi

import maou

if TYPE_CHECKING:
    # Imported in the tests: sessions without the oracles collect this file, too.
    from collections.abc import Iterator
    from pathlib import Path

    import cshogi
    import numpy as np

pytestmark = pytest.mark.oracle

N_POSITIONS = 20_000

STARTS = (
    "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
    "lnsgkgsn1/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "lnsgkgsnl/1r7/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "1nsgkgsn1/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "2sgkgs2/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "3gkg3/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "4k4/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
)


def random_moves(n: int, seed: int) -> Iterator[tuple[cshogi.Board, int]]:
    """Positions of random games from even and handicap starts, and a legal move."""
    import cshogi

    chance = random.Random(seed)
    n_games = 0
    while n > 0:
        board = cshogi.Board(STARTS[n_games % len(STARTS)])
        n_games += 1
        for _ in range(chance.randrange(40, 300)):
            moves = list(board.legal_moves)
            if not moves or n == 0:
                break
            move = chance.choice(moves)
            yield board, move
            n -= 1
            board.push(move)


def records(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same positions as HCPE and as PSV, as cshogi writes them."""
    import cshogi
    import numpy as np

    chance = random.Random(seed)
    hcpes = np.zeros(n, cshogi.HuffmanCodedPosAndEval)
    psvs = np.zeros(n, cshogi.PackedSfenValue)
    for (board, move), hcpe, psv in zip(
        random_moves(n, seed), hcpes, psvs, strict=True
    ):
        board.to_hcp(hcpe["hcp"])
        board.to_psfen(psv["sfen"])
        hcpe["eval"] = psv["score"] = chance.randrange(-32767, 32768)
        hcpe["bestMove16"] = cshogi.move16(move)
        psv["move"] = cshogi.move16_to_psv(cshogi.move16(move))
        result = hcpe["gameResult"] = chance.randrange(3)
        won = (cshogi.DRAW, cshogi.BLACK_WIN, cshogi.WHITE_WIN)[result]
        if won != cshogi.DRAW:
            psv["game_result"] = 1 if board.turn == won - 1 else -1
    return hcpes, psvs


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file of HCPE and one of PSV with the same positions."""
    folder = tmp_path_factory.mktemp("teacher")
    hcpes, psvs = records(N_POSITIONS, seed=11)
    hcpes.tofile(folder / "a.hcpe")
    psvs.tofile(folder / "a.psv")
    return folder / "a.hcpe", folder / "a.psv"


@pytest.mark.parametrize("source", [0, 1])
def test_positions_are_those_of_cshogi(
    files: tuple[Path, Path], source: int, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    report = maou_io.convert([files[source]], out)
    assert (report["n_errors"], report["n_loose_positions"]) == (0, N_POSITIONS)
    assert report["warnings"] == []
    for name, wanted in zip(("hcpe", "psv"), files, strict=True):
        written = tmp_path / name
        done = maou_io.export(out, written, format=name)
        assert (done["n_written"], done["left_out"]) == (N_POSITIONS, {})
        assert written.read_bytes() == wanted.read_bytes(), name
    frame = maou.Dataset(out).positions_table.collect()
    assert frame.height == N_POSITIONS
    table = maou_shogi.usi_table()
    for (board, _), row in zip(
        random_moves(200, seed=11), frame.iter_rows(named=True), strict=False
    ):
        sfen = maou_shogi.hcp_to_sfen(bytes(row["position"]))
        assert sfen.rsplit(" ", 1)[0] == board.sfen().rsplit(" ", 1)[0]
        assert table[row["move"]] is not None
        assert row["key"] == maou_shogi.key(sfen)
    assert frame["ply"].null_count() == N_POSITIONS
    assert maou_io.verify(out)["n_problems"] == 0


def test_games_are_those_of_dlshogis_converters(tmp_path: Path) -> None:
    """CSA becomes HCPE3 and HCPE as cshogi's parser and dlshogi's loops make them."""
    import cshogi
    import numpy as np
    from cshogi import CSA

    folder = tmp_path / "in"
    folder.mkdir()
    for n, text in enumerate(maou_shogi.generate(60, seed=12, format="csa")):
        # The endings of which dlshogi's converter takes the result.
        if any(end in text for end in (b"%TORYO", b"%SENNICHITE", b"%KACHI")):
            (folder / f"{n:03}.csa").write_bytes(text)
    assert len(list(folder.iterdir())) > 40
    out = tmp_path / "data"
    assert maou_io.convert([folder], out)["n_errors"] == 0
    board = cshogi.Board()
    hcpe = np.zeros(1, cshogi.HuffmanCodedPosAndEval)
    hcp = np.zeros(1, cshogi.HuffmanCodedPos)
    wanted = {"hcpe": b"", "hcpe3": b""}
    for path in sorted(folder.iterdir()):
        (game,) = CSA.Parser.parse_file(str(path))
        board.set_sfen(game.sfen)
        board.to_hcp(hcp)
        moves = b""
        for move, score_black, comment in zip(
            game.moves, game.scores, game.comments, strict=True
        ):
            has_eval = comment != ""
            score = score_black if board.turn == cshogi.BLACK else -score_black
            score *= has_eval
            if has_eval:
                board.to_hcp(hcpe["hcp"])
                hcpe["eval"] = score
                hcpe["bestMove16"] = cshogi.move16(move)
                hcpe["gameResult"] = game.win
                wanted["hcpe"] += hcpe.tobytes()
            info = (cshogi.move16(move), np.int16(score).view(np.uint16), has_eval)
            candidates = (cshogi.move16(move), 1) if has_eval else ()
            moves += np.array((*info, *candidates), dtype="<u2").tobytes()
            board.push(move)
        flags = {"%SENNICHITE": 4, "%KACHI": 8}.get(game.endgame, 0)
        header = np.array([len(game.moves)], dtype="<u2").tobytes()
        wanted["hcpe3"] += hcp.tobytes() + header + bytes([game.win + flags, 0]) + moves
    for name, expected in wanted.items():
        maou_io.export(out, tmp_path / name, format=name)
        assert (tmp_path / name).read_bytes() == expected, name


def test_games_with_and_without_a_search_are_one_table(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.feather

    folder = tmp_path / "in"
    folder.mkdir()
    texts = maou_shogi.generate(3, seed=13, format="csa")
    (folder / "a.csa").write_bytes(texts[0])
    (folder / "b.csa").write_bytes(texts[1])
    made = tmp_path / "made"
    maou_io.convert([folder / "b.csa"], made)
    maou_io.export(made, folder / "c.hcpe3", format="hcpe3", missing_eval=0)
    (folder / "d.csa").write_bytes(texts[2])
    out = tmp_path / "data"
    report = maou_io.convert([folder], out, shard_bytes=1)
    assert (report["n_errors"], report["n_games"]) == (0, 4)
    assert [f["has_search"] for f in maou_io.files(out)] == [False, False, True, False]
    games = maou.Dataset(out).games.collect()
    assert games["source"].to_list() == ["a.csa", "b.csa", "c.hcpe3", "d.csa"]
    assert games["opponent"].to_list() == [None, None, 0, None]
    (searched,) = games.filter(pl.col("opponent").is_not_null()).iter_rows(named=True)
    assert [len(moves) for moves in searched["candidates"]] == [1] * len(
        searched["moves"]
    )
    assert [moves[0] for moves in searched["candidates"]] == searched["moves"]
    assert searched["eval_raw"] == searched["evals_cp"]
    streamed = pa.RecordBatchReader.from_stream(maou.Dataset(out).stream()).read_all()
    assert streamed.num_rows == 4
    assert streamed.column_names == games.columns
    one = maou.Dataset(out).stream(["opponent", "source"])
    assert pa.table(one).column_names == ["opponent", "source"]
    for file in maou_io.files(out):
        assert pyarrow.feather.read_table(file["path"]).num_rows == 1
    plain = maou.Dataset(made).games.collect()
    assert plain.width == 16
