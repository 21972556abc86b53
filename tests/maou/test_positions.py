"""Arrays of positions: what goes in and out, and what is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from maou_rust import maou_shogi

import maou
from maou import PositionArray, policy
from maou.cli import main
from maou.positions import psv_moves

if TYPE_CHECKING:
    from pathlib import Path

    from maou.positions import Replayed

START = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"
AFTER = "lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1PPPPPP/1B5R1/LNSGKGSNL w - 2"
# White to move, in check, with all pawns in hand.
MANY = "4k4/9/4L4/9/9/9/9/9/4K4 w 2R2B4G4S4N3L18p 1"


@pytest.fixture(scope="module")
def replayed() -> Replayed:
    """The positions of generated games."""
    texts = maou_shogi.generate(20, seed=3)
    return PositionArray.from_games([maou.read_games(text)[0] for text in texts])


@pytest.fixture(scope="module")
def positions(replayed: Replayed) -> PositionArray:
    return replayed.positions


def address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])


def test_values_of_the_formats() -> None:
    """Literal numbers of the definitions, not of any code."""
    all_three = PositionArray.from_sfens([START, AFTER, MANY])
    start, after, many = all_three[:1], all_three[1:2], all_three[2:]
    assert start.labels([7739], 2187).tolist() == [59]
    assert after.labels([maou.Move.from_usi("3c3d")], 2187).tolist() == [59]
    assert start.labels([7739], 1496).tolist() == [53]
    assert start.moves([59], 2187).tolist() == [7739]
    ids = start.piece_ids()[0].reshape(9, 9)
    # File 1: the other's lance and pawn, own pawn and lance; file 2 has their bishop
    # (6 + 14) and our rook (7); file 5 the kings (8).
    assert ids[0].tolist() == [16, 0, 15, 0, 0, 0, 1, 0, 2]
    assert ids[1].tolist() == [17, 20, 15, 0, 0, 0, 1, 7, 3]
    assert ids[4].tolist() == [22, 0, 15, 0, 0, 0, 1, 0, 8]
    # As White sees it after 7g7f, the pawn has gone from 3c to 3d.
    ids = after.piece_ids()[0].reshape(9, 9)
    assert ids[2].tolist() == [18, 0, 0, 15, 0, 0, 1, 0, 4]
    assert many.hands()[0].tolist() == [18, 0, 0, 0, 0, 0, 0, 0, 3, 4, 4, 4, 2, 2]
    assert many.in_check().tolist() == [True]
    assert many.turns().tolist() == [1]
    first, second = many.features("dlshogi")
    # Of 18 pawns eight planes tell; the other has 3 of 4 lances, all knights and so on.
    full = second[0].reshape(57, 81).all(axis=1)
    none = ~second[0].reshape(57, 81).any(axis=1)
    assert (full ^ none).all()
    expected = [1] * 8 + [0] * 20 + [0] * 8 + [1, 1, 1, 0] + [1] * 16 + [1]
    assert full.astype(int).tolist() == expected
    # Own king on 5a, seen as 5i: file 5, rank i; their lance, seen at 5g, attacks it.
    assert np.argwhere(first[0, 7]).tolist() == [[4, 8]]
    assert np.argwhere(first[0, 31 + 1]).tolist() == [[4, 6]]
    assert np.argwhere(first[0, 31 + 14 + 1]).tolist() == [[4, 7], [4, 8]]
    assert first[0, 62 - 3 :].sum() == (5 + 2)
    assert start.hcp()[0].tobytes().hex() == (
        "58a449210cd757217e8e4d212caf427814c2ab109e4d212cd75f213e8e49210c"
    )
    assert start.keys()[0] == maou_shogi.key(START)


def test_the_schemes_map_onto_each_other() -> None:
    assert policy.TO_1496.shape == (2187,)
    assert policy.TO_2187.shape == (1496,)
    assert (policy.TO_1496[policy.TO_2187] == np.arange(1496)).all()
    absent = np.setdiff1d(np.arange(2187), policy.TO_2187)
    assert (policy.TO_1496[absent] == -1).all()
    counts = [72, 64, 64, 72, 72, 72, 64, 64, 40, 40]
    counts += [27, 24, 24, 24, 24, 72, 49, 49, 24, 24]
    counts += [72, 72, 63, 81, 81, 81, 81]
    assert np.bincount(policy.TO_2187 // 81).tolist() == counts
    with pytest.raises(ValueError, match="read-only"):
        policy.TO_1496[0] = 1


def test_labels_and_masks_agree_with_the_map(
    replayed: Replayed,
) -> None:
    positions, moves = replayed.positions, replayed.moves
    wide, narrow = positions.labels(moves, 2187), positions.labels(moves, 1496)
    assert (policy.TO_1496[wide] == narrow).all()
    assert (positions.moves(wide, 2187) == moves).all()
    assert (positions.moves(narrow, 1496) == moves).all()
    masks = positions.legal_masks(2187)
    assert masks.dtype == np.bool_
    assert masks[np.arange(len(positions)), wide].all()
    assert (positions.legal_masks(1496) == masks[:, policy.TO_2187]).all()
    assert masks.sum() == positions.legal_masks(1496).sum()
    # All moves of some positions, there and back.
    few = positions[::97]
    rows, labels = np.nonzero(few.legal_masks(1496))
    back = few[rows].moves(labels, 1496)
    assert (few[rows].labels(back, 1496) == labels).all()
    texts = [str(maou.Move(int(move))) for move in back[rows == 1]]
    assert sorted(texts) == sorted(maou_shogi.legal_moves_usi(few[1:2].sfens()[0]))


def test_replayed_games(replayed: Replayed) -> None:
    games = [maou.read_games(text)[0] for text in maou_shogi.generate(20, seed=3)]
    lengths = [len(game.moves) for game in games]
    assert len(replayed.positions) == sum(lengths)
    assert np.bincount(replayed.game_idx).tolist() == lengths
    assert replayed.moves.tolist() == [
        int(move) for game in games for move in game.moves
    ]
    assert replayed.plies[replayed.game_idx == 1].tolist() == list(range(lengths[1]))
    starts = replayed.positions[replayed.plies == 0].sfens()
    assert starts == [game.start for game in games]
    assert (replayed.positions.turns() == replayed.plies % 2).all()


def test_games_of_tables(replayed: Replayed, demo: Path) -> None:
    dataset = maou.Dataset(demo)
    frame = dataset.games.collect()
    of_frame = PositionArray.from_games(frame)
    for table in (dataset.games, frame.to_arrow(), frame.select("start", "moves")):
        again = PositionArray.from_games(table)
        assert again.positions == of_frame.positions
        assert (again.game_idx == of_frame.game_idx).all()
    assert len(of_frame.positions) == dataset.info()["positions"]
    assert (of_frame.moves == frame["moves"].explode().to_numpy()).all()
    usual = pl.DataFrame({"moves": [[7739, 2581], []]})
    assert PositionArray.from_games(usual).positions.sfens()[0] == START
    assert len(PositionArray.from_games([]).positions) == 0
    with pytest.raises(ValueError, match=r"expected the columns .* found `x`"):
        PositionArray.from_games(pl.DataFrame({"x": [1]}))
    with pytest.raises(ValueError, match="column `moves`: expected lists"):
        PositionArray.from_games(pl.DataFrame({"moves": ["7g7f"]}))
    wrong = pl.DataFrame({"moves": [[7739], [7739, 7739]]})
    with pytest.raises(
        maou.RecordError, match=r"game 1: .* legal move at ply 1, found `7g7f`"
    ):
        PositionArray.from_games(wrong)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("positions")
    records = folder / "records"
    records.mkdir()
    for n, text in enumerate(maou_shogi.generate(5, seed=4)):
        (records / f"{n}.csa").write_bytes(text)
    assert main(["convert", str(records), "-o", str(folder / "data")]) == 0
    return folder / "data"


def test_loose_positions_of_a_dataset(replayed: Replayed, tmp_path: Path) -> None:
    """What is in the table is what was written, keys included."""
    few = replayed.positions[:500]
    records = np.zeros(
        500,
        np.dtype([("hcp", "u1", 32), ("eval", "<i2"), ("move", "<u2"), ("end", "<u2")]),
    )
    records["hcp"], records["move"] = few.hcp(), replayed.moves[:500]
    assert PositionArray.from_hcp(records) == few
    (tmp_path / "a.hcpe").write_bytes(records.tobytes())
    data = tmp_path / "data"
    assert main(["convert", str(tmp_path / "a.hcpe"), "-o", str(data)]) == 0
    table = maou.Dataset(data).positions_table.collect()
    found = PositionArray.from_hcp(table["position"])
    assert found == few
    assert found.keys().tolist() == table["key"].to_list()


def test_arrow_in_and_out_without_a_copy(positions: PositionArray) -> None:
    # A view of the memory of the array itself.
    start = address(positions.hcp())
    array = pa.array(positions)
    assert array.type == pa.list_(pa.field("item", pa.uint8(), nullable=False), 32)
    assert array.values.buffers()[1].address == start
    again = PositionArray.from_hcp(array)
    assert address(again.hcp()) == start
    assert again == positions
    later = PositionArray.from_hcp(array[100:200])
    assert address(later.hcp()) == start + 3_200
    assert later == positions[100:200]
    assert address(positions[100:200].hcp()) == start + 3_200
    binary = pa.array(positions, type=pa.binary(32))
    assert PositionArray.from_hcp(binary) == positions
    assert address(PositionArray.from_hcp(binary).hcp()) == binary.buffers()[1].address
    chunked = pa.chunked_array([array[:50], array[50:]])
    assert PositionArray.from_hcp(chunked) == positions
    series = pl.Series(positions)
    assert series.dtype == pl.Array(pl.UInt8, 32)
    of_series = PositionArray.from_hcp(series)
    assert of_series == positions
    assert address(of_series.hcp()) == start
    assert PositionArray.from_hcp(series.slice(7, 9)) == positions[7:16]
    column = pl.Series([row.tobytes() for row in positions.hcp()], dtype=pl.Binary)
    assert PositionArray.from_hcp(column) == positions
    packed = pl.Series(list(positions.packed_sfens()), dtype=pl.Array(pl.UInt8, 32))
    assert PositionArray.from_packed_sfens(packed) == positions
    assert len(PositionArray.from_hcp(pa.array([], pa.binary(32)))) == 0
    # The memory lives on when the owner is gone.
    kept = PositionArray.from_hcp(
        pa.array([bytes(row) for row in positions.hcp()[:9]], pa.binary(32))
    )
    assert kept == positions[:9]


def test_what_arrow_may_not_hold() -> None:
    with pytest.raises(ValueError, match=r"32 bytes a row .*found Int64"):
        PositionArray.from_hcp(pa.array([1]))
    with pytest.raises(ValueError, match="row 0: expected a position, found null"):
        PositionArray.from_hcp(pa.array([None], pa.binary(32)))
    with pytest.raises(ValueError, match="row 0: expected 32 bytes, found 2"):
        PositionArray.from_hcp(pl.Series([b"ab"]))


def test_numpy_and_bytes_in(positions: PositionArray) -> None:
    hcp = positions.hcp()
    assert not hcp.flags.writeable
    copy = hcp.copy()
    assert PositionArray.from_hcp(copy) == positions
    taken = PositionArray.from_hcp(copy)
    copy[:] = 0
    assert taken == positions
    assert PositionArray.from_hcp(hcp.tobytes()) == positions
    assert PositionArray.from_hcp(bytearray(hcp.tobytes())) == positions
    records = np.zeros(len(hcp), np.dtype([("hcp", "u1", 32), ("eval", "<i2")]))
    records["hcp"] = hcp
    assert PositionArray.from_hcp(records) == positions
    assert PositionArray.from_hcp(records["hcp"][::3]) == positions[::3]
    psv = np.zeros(len(hcp), np.dtype([("sfen", "u1", 32), ("rest", "u1", 8)]))
    psv["sfen"] = positions.packed_sfens()
    assert PositionArray.from_psvs(psv) == positions
    assert PositionArray.from_psvs(psv.tobytes()) == positions
    assert PositionArray.from_packed_sfens(psv["sfen"]) == positions
    assert PositionArray.from_sfens(positions.sfens()) == positions
    assert PositionArray.from_sfens(pl.Series(positions.sfens())) == positions


def test_what_numpy_may_not_hold(positions: PositionArray) -> None:
    for data, error, message in (
        (bytes(33), ValueError, "multiple of 32 bytes, found 33"),
        (np.zeros((2, 31), np.uint8), ValueError, "N×32 bytes, found 2×31"),
        (np.zeros((2, 32), np.int64), TypeError, "expected uint8, found int64"),
        (np.zeros(2, np.dtype([("x", "u1")])), ValueError, "`hcp`, found `x`"),
        ([1, 2], TypeError, "an Arrow column, found `list`"),
    ):
        with pytest.raises(error, match=message):
            PositionArray.from_hcp(data)
    broken = positions.hcp()[:500].copy()
    broken[321] = 255
    for threads in (1, 2):
        with pytest.raises(maou.RecordError, match="row 321: ") as caught:
            PositionArray.from_hcp(broken, threads=threads)
        assert caught.value.kind == "hcp"


def test_parts_of_an_array(positions: PositionArray) -> None:
    n = len(positions)
    hcp = positions.hcp()
    mask = positions.turns() == 1
    for index in (
        slice(3, 9),
        slice(-5, None),
        slice(None, None, -7),
        slice(9, 3),
        [4, -1, 4],
        np.array([0, n - 1], np.uint32),
        mask,
        [],
    ):
        part = positions[index]
        assert len(part) == len(hcp[index])
        assert (part.hcp() == hcp[index]).all()
    for index, error in (
        ([n], IndexError),
        ([-n - 1], IndexError),
        (mask[:-1], IndexError),
        ([0.5], TypeError),
        ([[1]], TypeError),
    ):
        with pytest.raises(error):
            positions[index]  # type: ignore[index]
    for index in (0, n - 1, -1, np.int64(7), np.uint8(7)):
        board = positions[index]
        assert isinstance(board, maou.Board)
        assert board == maou.Board(positions.sfens()[int(index)])
    with pytest.raises(IndexError, match=f"expected rows of {n}, found `{n}`"):
        positions[n]
    for index in (1.5, "1", None):
        with pytest.raises(TypeError):
            positions[index]  # type: ignore[index]
    boards = list(positions[:20])
    assert PositionArray.from_boards(boards) == positions[:20]
    with pytest.raises(maou.RecordError, match="row 1: expected two kings"):
        PositionArray.from_boards([boards[0], maou.Board("4k4/9/9/9/9/9/9/9/9 b G 1")])
    halves = [positions[: n // 2], positions[n // 2 :]]
    assert PositionArray.concat(halves) == positions
    assert PositionArray.concat([]) == PositionArray()
    assert halves[0] != positions
    assert positions != hcp.tobytes()
    assert repr(positions) == f"PositionArray({n:,} positions)"
    assert repr(positions[:1]) == "PositionArray(1 position)"
    again = pickle.loads(pickle.dumps(positions))
    assert type(again) is PositionArray
    assert again == positions
    with pytest.raises(TypeError, match="unhashable"):
        hash(positions)


def test_moves_of_psv() -> None:
    for psv, usi in [
        (60 << 7 | 59, "7g7f"),
        (70 << 7 | 10 | 1 << 15, "8h2b+"),
        (1 << 7 | 40 | 1 << 14, "P*5e"),
        (7 << 7 | 0 | 1 << 14, "G*1a"),
    ]:
        moves = psv_moves(np.array([psv], np.uint16))
        assert moves.dtype == np.uint16
        assert maou.Move(int(moves[0])).usi() == usi
    assert psv_moves([]).tolist() == []
    for wrong in (1 << 14 | 40, 8 << 7 | 1 << 14, 3 << 14 | 1 << 7):
        with pytest.raises(ValueError, match=f"row 1: .*, found `{wrong}`"):
            psv_moves([0, wrong])
    with pytest.raises(ValueError, match="row 0: expected uint16, found `65536`"):
        psv_moves([1 << 16])
    with pytest.raises(ValueError, match="expected one for each"):
        psv_moves(np.array([[1]]))
    with pytest.raises(TypeError, match="whole numbers, found float64"):
        psv_moves(np.array([1.0]))


def test_numpy_takes_rows_and_not_boards(positions: PositionArray) -> None:
    hcp = positions.hcp()
    view = np.asarray(positions)
    assert view.dtype == np.uint8
    assert np.shares_memory(view, hcp)
    assert not view.flags.writeable
    copy = np.array(positions)
    assert (copy == hcp).all()
    assert not np.shares_memory(copy, hcp)
    wide = np.asarray(positions, np.int64)
    assert wide.dtype == np.int64
    assert (wide == hcp).all()
    with pytest.raises(ValueError, match="expected uint8, found int64"):
        positions.__array__(np.int64, copy=False)


def test_twins(positions: PositionArray) -> None:
    twins = positions.flip()
    assert twins.flip() == positions
    assert (twins.turns() == 1 - positions.turns()).all()
    assert (twins.keys() == positions.keys() ^ np.uint64(1)).all()
    assert (twins.piece_ids() == positions.piece_ids()).all()
    assert (twins.hands() == positions.hands()).all()
    assert (twins.legal_masks() == positions.legal_masks()).all()


def test_results_go_where_they_are_wanted(positions: PositionArray) -> None:
    n = len(positions)
    for name, arguments, shape, dtype in (
        ("hcp", (), (n, 32), np.uint8),
        ("packed_sfens", (), (n, 32), np.uint8),
        ("keys", (), (n,), np.uint64),
        ("turns", (), (n,), np.uint8),
        ("in_check", (), (n,), np.bool_),
        ("piece_ids", (), (n, 81), np.uint8),
        ("hands", (), (n, 14), np.uint8),
        ("legal_masks", (2187,), (n, 2187), np.bool_),
        ("legal_masks", (1496,), (n, 1496), np.bool_),
    ):
        method = getattr(positions, name)
        fresh = method(*arguments)
        assert (fresh.shape, fresh.dtype) == (shape, dtype)
        out = np.ones(shape, dtype)
        assert method(*arguments, out=out) is out
        assert (out == fresh).all()
        for threads in (1, 3) if name != "hcp" else ():
            assert (method(*arguments, threads=threads) == fresh).all()
        read_only = np.ones(shape, dtype)
        read_only.flags.writeable = False
        for wrong in (
            np.ones((n + 1, *shape[1:]), dtype),
            np.ones(shape, np.float64),
            np.ones((2 * n, *shape[1:]), dtype)[::2],
            read_only,
        ):
            with pytest.raises(ValueError, match="out: expected"):
                method(*arguments, out=wrong)
    few: Any = positions[:300]
    for kind in ("compact", "dlshogi"):
        fresh = few.features(kind)
        out = type(fresh)(*(np.full_like(array, 7) for array in fresh))
        again = few.features(kind, out=out, threads=2)
        for array, same, expected in zip(again, out, fresh, strict=True):
            assert array is same
            assert (array == expected).all()
        with pytest.raises(ValueError, match="out: expected"):
            few.features(kind, out=(out[1], out[0]))
    compact = few.features("compact")
    assert (compact.piece_ids == few.piece_ids()).all()
    assert (compact.hands == few.hands()).all()
    with pytest.raises(ValueError, match="kind: expected `compact` or `dlshogi`"):
        few.features("alphazero")


def test_moves_and_labels_that_cannot_be(positions: PositionArray) -> None:
    two = PositionArray.from_sfens([START, AFTER])
    for moves, message in (
        ([7739, 7739], "row 1: expected a legal move, found `7g7f` in"),
        ([7739, 0], "row 1: expected a 16-bit move, found `0`"),
    ):
        with pytest.raises(maou.RecordError, match=message):
            two.labels(moves)
    assert two.labels([7739, 7739], check=False).tolist() == [59, 5 * 81 + 21]
    knight = maou.Move.from_usi("1a3b")
    with pytest.raises(maou.RecordError, match="row 0: expected a move with one of"):
        two.labels([knight, knight], check=False)
    for labels, message in (
        ([59, 58], "row 1: expected the label of a legal move, found `58`"),
        ([59, 2187], "row 1: expected a label below 2187, found `2187`"),
        ([-1, 59], "row 0: expected a label below 2187, found `-1`"),
    ):
        with pytest.raises(maou.RecordError, match=message):
            two.moves(labels)
    with pytest.raises(maou.RecordError, match="label below 1496, found `1496`"):
        two.moves([53, 1496], 1496)
    for values, error, message in (
        ([7739], ValueError, "moves: expected one for each of 2 positions, found 1"),
        (np.array([0.5, 1]), TypeError, "moves: expected whole numbers, found float64"),
        (
            [7739, 7739 + 65536],
            ValueError,
            "moves: row 1: expected uint16, found `73275`",
        ),
    ):
        with pytest.raises(error, match=message):
            two.labels(values)
    with pytest.raises(ValueError, match="scheme: expected 2187 or 1496, found `139`"):
        two.legal_masks(139)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    code = f"""
import os, maou
positions = maou.PositionArray.from_sfens([{START!r}] * 5_000)
keys = positions.keys(threads=4)
child = os.fork()
if child == 0:
    os._exit(0 if (positions.keys(threads=4) == keys).all() else 1)
print(os.waitpid(child, 0)[1], (positions.keys(threads=4) == keys).all())
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "0 True\n"


def test_what_is_no_array(positions: PositionArray) -> None:
    makers: Any = PositionArray
    for make, message in (
        (lambda: makers([START]), "expected a PositionArray, found `list`"),
        (lambda: makers.concat([positions, None]), "PositionArray, found `NoneType`"),
        (lambda: makers.from_sfens(START), "sfens: expected texts in a list, found"),
        (lambda: makers.from_games([1]), "expected games or a table, found `int`"),
        (lambda: makers.from_games("x"), "expected games or a table, found `str`"),
        (lambda: positions.keys(out=5), "expected a NumPy array, found `int`"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=message):
            make()
    few: Any = positions[:2]
    for make, message in (
        (lambda: few.keys(threads=-1), "threads: expected 0 or more, found `-1`"),
        (lambda: few.legal_masks(1 << 70), "expected 2187 or 1496, found `11805"),
        (lambda: few.features("dlshogi", out=5), "out: expected two arrays"),
        (lambda: few.labels(7739), "each of 2 positions, found `7739`"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    # Nothing is rounded, and texts are no moves.
    for values in ([59.9, 59.0], ["59", "59"], [None, None]):
        with pytest.raises(TypeError):
            few.moves(values)
        with pytest.raises(TypeError):
            few.labels(values)
    assert few[:0].labels([]).tolist() == []


def test_the_gil_is_free_while_rust_works(positions: PositionArray) -> None:
    many = PositionArray.concat([positions] * 40)
    out = np.empty((len(many), 2187), np.bool_)
    done = threading.Event()
    ticks = 0

    def work() -> None:
        many.legal_masks(out=out, threads=1)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.wait(0.001):
        ticks += 1
    thread.join()
    assert ticks > 5
