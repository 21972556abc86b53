//! Rules, notations and records.

use maou_shogi::generate::{GameGenerator, GeneratorOptions};
use maou_shogi::record::GameRecord;
use maou_shogi::{Move, Position, SfenError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::record_error;
use crate::games;

/// Rules, notations and records.
#[pymodule]
#[pyo3(name = "maou_shogi")]
pub(crate) mod python {
    #[pymodule_export]
    use crate::board::{Board, LegalMoves};
    #[pymodule_export]
    use crate::hand::PyHand;
    #[pymodule_export]
    use crate::moves::PyMove;
    #[pymodule_export]
    use crate::position_array::{Positions, narrow_labels};

    #[pymodule_export]
    use super::{
        canonical_sfen, generate, hcp_to_sfen, key, legal_moves_usi, move16_to_usi, perft,
        play_usi, sfen_to_hcp, start_sfen, usi_table,
    };
    #[pymodule_export]
    use crate::games::{Game, read_records, write_records};
}

pub(crate) fn parse(py: Python<'_>, sfen: &str) -> PyResult<Position> {
    Position::from_sfen(sfen).map_err(|SfenError { message, column }| {
        record_error(py, None, 1, column as u64, "sfen", &message)
    })
}

#[pyfunction]
fn start_sfen() -> String {
    Position::startpos().to_sfen()
}

#[pyfunction]
fn canonical_sfen(py: Python<'_>, sfen: &str) -> PyResult<String> {
    Ok(parse(py, sfen)?.to_sfen())
}

#[pyfunction]
fn play_usi(py: Python<'_>, sfen: &str, moves: &str) -> PyResult<String> {
    let mut position = parse(py, sfen)?;
    for (idx, text) in moves.split_whitespace().enumerate() {
        let fail = |kind, message: &str| record_error(py, None, 1, idx as u64 + 1, kind, message);
        let mv = Move::from_usi(text).map_err(|error| fail("syntax", &error.message))?;
        if !position.is_legal(mv) {
            let sfen = position.to_sfen();
            let message = format!("expected a legal move, found `{text}` in `{sfen}`");
            return Err(fail("illegal_move", &message));
        }
        position.make(mv);
    }
    Ok(position.to_sfen())
}

#[pyfunction]
fn legal_moves_usi(py: Python<'_>, sfen: &str) -> PyResult<Vec<String>> {
    Ok(parse(py, sfen)?.legal_moves().iter().map(|mv| mv.to_usi()).collect())
}

#[pyfunction]
fn perft(py: Python<'_>, sfen: &str, depth: u32) -> PyResult<u64> {
    let position = parse(py, sfen)?;
    Ok(py.detach(|| maou_shogi::perft(&position, depth)))
}

#[pyfunction]
fn key(py: Python<'_>, sfen: &str) -> PyResult<u64> {
    Ok(parse(py, sfen)?.key())
}

#[pyfunction]
fn sfen_to_hcp<'py>(py: Python<'py>, sfen: &str) -> PyResult<Bound<'py, PyBytes>> {
    let hcp = parse(py, sfen)?
        .to_hcp()
        .map_err(|error| record_error(py, None, 1, 1, "hcp", &error.to_string()))?;
    Ok(PyBytes::new(py, &hcp))
}

#[pyfunction]
fn hcp_to_sfen(hcp: &[u8]) -> PyResult<String> {
    let bytes: &[u8; 32] = hcp
        .try_into()
        .map_err(|_| PyValueError::new_err(format!("expected 32 bytes, found {}", hcp.len())))?;
    let position =
        Position::from_hcp(bytes).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(position.to_sfen())
}

#[pyfunction]
fn move16_to_usi(move16: u16) -> PyResult<String> {
    Ok(games::move_of(move16)?.to_usi())
}

#[pyfunction]
fn usi_table() -> Vec<Option<String>> {
    (0..1 << 15).map(|bits| Move::from_move16(bits).map(Move::to_usi)).collect()
}

#[pyfunction]
#[pyo3(signature = (n, *, seed = 1, format = "csa", repeat_openings = 0.8))]
fn generate<'py>(
    py: Python<'py>,
    n: usize,
    seed: u64,
    format: &str,
    repeat_openings: f64,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let format = games::format_of(format)?;
    if !(0.0..=1.0).contains(&repeat_openings) {
        let message = format!("repeat_openings: expected 0 to 1, found `{repeat_openings}`");
        return Err(PyValueError::new_err(message));
    }
    let texts: Vec<String> = py.detach(|| {
        let options = GeneratorOptions { seed, repeat_openings, ..GeneratorOptions::default() };
        let mut generator = GameGenerator::new(options);
        let mut game = GameRecord::default();
        let write = |_| {
            let mut text = String::new();
            generator.next_text(format, &mut game, &mut text);
            text
        };
        (0..n).map(write).collect()
    });
    Ok(texts.iter().map(|text| PyBytes::new(py, text.as_bytes())).collect())
}
