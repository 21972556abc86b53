"""Rust and Python together: no copies, errors with their places, no GIL held."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import maou_rust
import polars as pl
import pyarrow as pa
import pytest
from maou_rust import maou_io, maou_shogi
from maou_rust.maou_io import hello

import maou

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.ffi


def test_hello() -> None:
    assert hello().startswith(f"maou-rust {maou_rust.__version__}")


def test_polars_takes_the_buffers_without_a_copy() -> None:
    stream, address = maou_io.probe_stream(100_000)
    column = pl.DataFrame(stream)["x"]
    assert column.dtype == pl.UInt64
    assert column.to_numpy(allow_copy=False).ctypes.data == address
    assert column.sum() == 100_000 * 99_999 // 2


def test_pyarrow_takes_the_buffers_without_a_copy() -> None:
    stream, address = maou_io.probe_stream(1_000)
    (chunk,) = pa.table(stream)["x"].chunks
    assert chunk.buffers()[1].address == address


def test_the_buffers_outlive_stream_and_dataset(dataset: Path) -> None:
    frame = pl.DataFrame(maou_io.games(dataset, ["id", "moves"]))
    table = pa.table(maou_io.games(dataset, ["id", "moves"]))
    assert frame["id"].to_list() == table["id"].to_pylist()
    assert frame["moves"].to_list() == table["moves"].to_pylist()


def test_a_stream_is_read_once(dataset: Path) -> None:
    stream = maou_io.games(dataset)
    assert pl.DataFrame(stream).height == 60
    with pytest.raises(ValueError, match="has been read"):
        pl.DataFrame(stream)


def test_a_stream_that_nobody_reads_is_freed(dataset: Path) -> None:
    for _ in range(100):
        maou_io.games(dataset)
        maou_io.games(dataset).__arrow_c_stream__()


def test_batches_hold_at_most_1024_games(tmp_path: Path) -> None:
    text = b"/\n".join([b"PI\n+\n+7776FU\n%TORYO\n"] * 2_500)
    (tmp_path / "many.csa").write_bytes(text)
    maou_io.convert([tmp_path / "many.csa"], tmp_path / "data")
    stream = maou_io.games(tmp_path / "data")
    reader = pa.RecordBatchReader.from_stream(stream)
    assert [batch.num_rows for batch in reader] == [1024, 1024, 452]


def test_a_record_error_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.csa"
    path.write_bytes(b"PI\n+\n+7776FU\n-7776FU\n")
    with pytest.raises(maou_rust.RecordError) as raised:
        maou_io.convert([path], tmp_path / "data", strict=True)
    error = raised.value
    assert isinstance(error, ValueError)
    assert (error.path, error.line, error.kind) == (str(path), 4, "illegal_move")
    assert error.column == 1
    assert maou.RecordError is maou_rust.RecordError
    with pytest.raises(maou_rust.RecordError) as raised:
        maou_shogi.canonical_sfen("9/9/9 b - 1")
    assert raised.value.path is None
    assert raised.value.column >= 1


def test_usage_and_dataset_errors(tmp_path: Path) -> None:
    assert issubclass(maou.UsageError, maou.DatasetError)
    with pytest.raises(maou.UsageError):
        maou_io.convert([tmp_path / "gone"], tmp_path / "data")
    with pytest.raises(maou.UsageError, match="`gzip`"):
        maou_io.convert([tmp_path], tmp_path / "data", compression="gzip")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/manifest.json").write_text("{")
    with pytest.raises(maou.DatasetError, match=r"manifest\.json"):
        maou_io.info(tmp_path / "data")


def test_an_os_error_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "a.csa").write_bytes(b"PI\n+\n+7776FU\n")
    with pytest.raises(OSError, match="file") as raised:
        maou_io.convert([tmp_path / "a.csa"], tmp_path / "file/data")
    assert raised.value.filename is not None


def test_the_gil_is_free_while_rust_works() -> None:
    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    done = threading.Event()
    ticks: list[float] = []
    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    maou_shogi.perft(maou_shogi.start_sfen(), 5)
    end = time.perf_counter()
    done.set()
    thread.join()
    during = [moment for moment in ticks if start < moment < end]
    assert end - start > 0.02
    assert len(during) > 5


def test_the_gil_is_free_while_converting(many_records: Path, tmp_path: Path) -> None:
    ticks = []
    worker = threading.Thread(
        target=maou_io.convert, args=([many_records], tmp_path / "data")
    )
    worker.start()
    while worker.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    # With the GIL held there would be a tick or two.
    assert len(ticks) > 20


def test_progress_is_called_on_the_calling_thread(
    many_records: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, maou_io.Progress]] = []
    maou_io.convert(
        [many_records],
        tmp_path / "data",
        progress=lambda progress: seen.append((threading.get_ident(), progress)),
    )
    assert {ident for ident, _ in seen} == {threading.get_ident()}
    done = [progress["bytes_done"] for _, progress in seen]
    assert done == sorted(done)
    assert all(progress["bytes"] >= progress["bytes_done"] for _, progress in seen)


def test_what_the_callback_raises_stops_the_work(
    many_records: Path, tmp_path: Path
) -> None:
    def stop(progress: maou_io.Progress) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        maou_io.convert([many_records], tmp_path / "data", progress=stop)
    report = maou_io.convert([many_records], tmp_path / "data")
    assert report["total_games"] == maou_io.info(tmp_path / "data")["games"]
