//! The board as a Python object: a position, the moves that led to it, and its history.

use std::cell::RefCell;

use maou_shogi::record::MoveTextError;
use maou_shogi::{Bitboard, Color, Declaration, Handicap, HcpError, Move, Position, Setup, Square};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyIterator, PyList, PyType};

use crate::error::{move_error, record_error};
use crate::hand::PyHand;
use crate::maou_shogi::parse;
use crate::moves::{Interned, PyMove, interned};
use crate::vocabulary::{self, ColorArg, SquareArg};

/// A legal position, the moves that led to it, and what may be played.
#[pyclass(frozen, module = "maou")]
pub(crate) struct Board(Attached<maou_shogi::Board>);

/// A value that is touched by threads attached to the interpreter alone, and by one function at a
/// time that calls no Python: what a class that is not `frozen` has, without its atomic flags, which
/// take a tenth of the time of a push.
struct Attached<T>(RefCell<T>);

// SAFETY: the value is behind `with` and `with_mut`, which ask for a thread that is attached. This
// extension is built for the limited API, which only interpreters with a GIL load: one thread is
// attached at a time.
unsafe impl<T: Send> Sync for Attached<T> {}

impl<T> Attached<T> {
    #[inline]
    fn with<R>(&self, _: Python<'_>, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.borrow())
    }

    #[inline]
    fn with_mut<R>(&self, _: Python<'_>, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.0.borrow_mut())
    }
}

impl Board {
    pub(crate) const fn new(board: maou_shogi::Board) -> Board {
        Board(Attached(RefCell::new(board)))
    }

    /// A board without moves before this position.
    pub(crate) fn from_position(position: Position) -> Board {
        Board::new(maou_shogi::Board::new(position))
    }

    /// What the position tells.
    #[inline]
    pub(crate) fn ask<R>(&self, py: Python<'_>, ask: impl FnOnce(&Position) -> R) -> R {
        self.0.with(py, |board| ask(board.position()))
    }

    /// Makes a move, if it is legal.
    #[inline]
    fn play(&self, py: Python<'_>, mv: Move) -> PyResult<()> {
        match self.0.with_mut(py, |board| board.push_if_legal(mv)) {
            true => Ok(()),
            false => Err(move_error(py, self.ask(py, |position| position.refusal(mv)))),
        }
    }

    fn parse_kif_text(&self, py: Python<'_>, text: &str) -> Result<Move, MoveTextError> {
        let last_to = self.last_to(py);
        self.ask(py, |position| position.parse_kif_move(text, last_to))
    }

    fn last_to(&self, py: Python<'_>) -> Option<Square> {
        self.0.with(py, maou_shogi::Board::last_move).map(Move::to)
    }

    /// The move, if it is legal.
    #[inline]
    fn legal(&self, mv: &Bound<'_, PyMove>) -> PyResult<Move> {
        let py = mv.py();
        let mv = self.ask(py, |position| position.check_move(mv.get().value()));
        mv.map_err(|error| move_error(py, error))
    }

    fn push_parsed<'py>(
        &self,
        py: Python<'py>,
        mv: Result<Move, MoveTextError>,
    ) -> PyResult<Bound<'py, PyMove>> {
        let mv = mv.map_err(|error| move_error(py, error))?;
        self.0.with_mut(py, |board| board.push(mv));
        interned(py, mv)
    }

    /// Bytes of the position, or the error of one that has none.
    fn bytes<'py>(
        &self,
        py: Python<'py>,
        bytes: Result<[u8; 32], HcpError>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = bytes.map_err(|error| {
            let message = format!("{error} in `{}`", self.ask(py, Position::to_sfen));
            record_error(py, None, 0, 0, "hcp", &message)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }
}

fn parsed(py: Python<'_>, mv: Result<Move, MoveTextError>) -> PyResult<Bound<'_, PyMove>> {
    interned(py, mv.map_err(|error| move_error(py, error))?)
}

/// 32 bytes given to a method, by any object that holds bytes.
struct Encoded([u8; 32]);

impl<'py> FromPyObject<'_, 'py> for Encoded {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Encoded> {
        let py = value.py();
        let found = match value.cast::<PyBytes>() {
            Ok(bytes) => bytes.as_bytes().to_vec(),
            Err(_) => match PyBuffer::<u8>::get(&value) {
                Ok(buffer) => buffer.to_vec(py)?,
                Err(_) => {
                    let kind = value.get_type().name()?;
                    let message = format!("expected 32 bytes, found `{kind}`");
                    return Err(PyTypeError::new_err(message));
                }
            },
        };
        found.try_into().map(Encoded).map_err(|found: Vec<u8>| {
            let message = format!("expected 32 bytes, found {}", found.len());
            record_error(py, None, 0, 0, "hcp", &message)
        })
    }
}

fn decoded(py: Python<'_>, position: Result<Position, HcpError>) -> PyResult<Board> {
    let position =
        position.map_err(|error| record_error(py, None, 0, 0, "hcp", &error.to_string()))?;
    Ok(Board::from_position(position))
}

fn squares(py: Python<'_>, squares: Bitboard) -> PyResult<Bound<'_, PyFrozenSet>> {
    let squares: Vec<_> =
        squares.iter().map(|square| vocabulary::square(py, square)).collect::<PyResult<_>>()?;
    PyFrozenSet::new(py, squares)
}

fn declaration(name: &str) -> PyResult<Declaration> {
    let found = Declaration::ALL.into_iter().find(|rule| rule.as_str() == name);
    found.ok_or_else(|| {
        let message = format!("rule: expected `27`, `24` or `try`, found `{name}`");
        PyValueError::new_err(message)
    })
}

/// A class, and what it makes an equal board of.
type Rebuilt<'py> = (Bound<'py, PyType>, (String, Bound<'py, PyList>));

#[pymethods]
impl Board {
    #[new]
    #[pyo3(signature = (sfen = None, moves = None))]
    fn py_new(
        py: Python<'_>,
        sfen: Option<&str>,
        moves: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Board> {
        let position = match sfen {
            Some(sfen) => parse(py, sfen)?,
            None => Position::startpos(),
        };
        let board = Board::from_position(position);
        if let Some(moves) = moves {
            for mv in moves.try_iter()? {
                board.push(mv?.cast::<PyMove>()?)?;
            }
        }
        Ok(board)
    }

    /// The start of a handicap game, by its name in English or Japanese.
    #[staticmethod]
    fn handicap(name: &str) -> PyResult<Board> {
        let handicap =
            Handicap::from_name(name).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let position = Position::from_setup(&Setup::handicap(handicap))
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Board::from_position(position))
    }

    /// The position that these 32 bytes of HCP hold.
    #[staticmethod]
    fn from_hcp(py: Python<'_>, hcp: Encoded) -> PyResult<Board> {
        decoded(py, Position::from_hcp(&hcp.0))
    }

    /// The position that these 32 bytes of YaneuraOu's PackedSfen hold.
    #[staticmethod]
    fn from_packed_sfen(py: Python<'_>, packed: Encoded) -> PyResult<Board> {
        decoded(py, Position::from_packed_sfen(&packed.0))
    }

    /// The side to move.
    #[getter]
    fn turn<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        vocabulary::color(py, self.ask(py, Position::turn))
    }

    /// The number of moves made on this board.
    #[getter]
    fn ply(&self, py: Python<'_>) -> usize {
        self.0.with(py, |board| board.moves().len())
    }

    /// The number of the next move: SFEN's fourth field.
    #[getter]
    fn move_number(&self, py: Python<'_>) -> u16 {
        self.ask(py, Position::move_number)
    }

    /// The 64-bit key of the position as the side to move sees it.
    #[getter]
    fn key(&self, py: Python<'_>) -> u64 {
        self.ask(py, Position::key)
    }

    /// The pieces in hand: Black's and White's.
    #[getter]
    fn hands(&self, py: Python<'_>) -> (PyHand, PyHand) {
        (
            PyHand(self.ask(py, |position| *position.hand(Color::Black))),
            PyHand(self.ask(py, |position| *position.hand(Color::White))),
        )
    }

    /// The moves made on this board.
    #[getter]
    fn move_stack<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let moves: Vec<Move> = self.0.with(py, |board| board.moves().collect());
        PyList::new(py, moves.into_iter().map(Interned))
    }

    /// The move made last, None before the first one.
    #[getter]
    fn last_move<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyMove>>> {
        self.0.with(py, maou_shogi::Board::last_move).map(|mv| interned(py, mv)).transpose()
    }

    /// The legal moves: counted, tested and listed when asked.
    #[getter]
    fn legal_moves(slf: Py<Board>) -> LegalMoves {
        LegalMoves(slf)
    }

    /// Make a legal move.
    #[pyo3(signature = (r#move, /))]
    fn push(&self, r#move: &Bound<'_, PyMove>) -> PyResult<()> {
        self.play(r#move.py(), r#move.get().value())
    }

    /// Take the last move back and return it.
    fn pop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMove>> {
        let Some(mv) = self.0.with_mut(py, maou_shogi::Board::pop) else {
            let sfen = self.ask(py, Position::to_sfen);
            let message = format!("expected a move to take back, found none before `{sfen}`");
            return Err(PyIndexError::new_err(message));
        };
        interned(py, mv)
    }

    /// Make the legal move of a text of USI, such as `7g7f`, and return it.
    fn push_usi<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyMove>> {
        self.push_parsed(py, self.ask(py, |position| position.parse_usi_move(text)))
    }

    /// Make the legal move of a text of CSA, such as `+7776FU`, and return it.
    fn push_csa<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyMove>> {
        self.push_parsed(py, self.ask(py, |position| position.parse_csa_move(text)))
    }

    /// Make the legal move of a text of KIF or KI2 and return it.
    fn push_kif<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyMove>> {
        self.push_parsed(py, self.parse_kif_text(py, text))
    }

    /// Read a legal move as USI writes it, such as `7g7f`, `8h2b+` or `P*5e`.
    fn parse_usi<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyMove>> {
        parsed(py, self.ask(py, |position| position.parse_usi_move(text)))
    }

    /// Read a legal move as CSA writes it; the sign may be left out.
    fn parse_csa<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyMove>> {
        parsed(py, self.ask(py, |position| position.parse_csa_move(text)))
    }

    /// Read a legal move as KIF or KI2 writes it.
    fn parse_kif<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyMove>> {
        parsed(py, self.parse_kif_text(py, text))
    }

    /// Write a legal move as CSA does, such as `+7776FU`.
    #[pyo3(signature = (r#move, /))]
    fn csa(&self, r#move: &Bound<'_, PyMove>) -> PyResult<String> {
        let (py, mv) = (r#move.py(), self.legal(r#move)?);
        Ok(self.ask(py, |position| position.csa_move(mv)))
    }

    /// Write a legal move as KIF does, such as `７六歩(77)` or `同　飛成(28)`.
    #[pyo3(signature = (r#move, /))]
    fn kif(&self, r#move: &Bound<'_, PyMove>) -> PyResult<String> {
        let (py, mv) = (r#move.py(), self.legal(r#move)?);
        let last_to = self.last_to(py);
        Ok(self.ask(py, |position| position.kif_move(mv, last_to)))
    }

    /// Write a legal move as KI2 does, such as `▲７六歩`, `△同　銀` or `▲５八金右`.
    #[pyo3(signature = (r#move, /))]
    fn ki2(&self, r#move: &Bound<'_, PyMove>) -> PyResult<String> {
        let (py, mv) = (r#move.py(), self.legal(r#move)?);
        let last_to = self.last_to(py);
        Ok(self.ask(py, |position| position.ki2_move(mv, last_to)))
    }

    /// Tell whether a move is legal: exactly whether `legal_moves` holds it.
    #[pyo3(signature = (r#move, /))]
    fn is_legal(&self, r#move: &Bound<'_, PyMove>) -> bool {
        self.ask(r#move.py(), |position| position.is_legal(r#move.get().value()))
    }

    /// Tell whether a legal move checks the opponent's king.
    #[pyo3(signature = (r#move, /))]
    fn gives_check(&self, r#move: &Bound<'_, PyMove>) -> PyResult<bool> {
        let mv = self.legal(r#move)?;
        Ok(self.ask(r#move.py(), |position| position.gives_check(mv)))
    }

    /// Tell whether the side to move is in check.
    fn is_check(&self, py: Python<'_>) -> bool {
        self.ask(py, Position::in_check)
    }

    /// Tell whether the side to move is in check and has no legal move.
    fn is_checkmate(&self, py: Python<'_>) -> bool {
        self.ask(py, Position::is_checkmate)
    }

    /// A legal move that mates, None if there is none.
    fn mate_in_one<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyMove>>> {
        self.ask(py, Position::mate_in_one).map(|mv| interned(py, mv)).transpose()
    }

    /// The squares of the pieces that check the side to move.
    fn checkers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFrozenSet>> {
        squares(py, self.ask(py, Position::checkers))
    }

    /// The squares of a side's pieces that attack a square, pinned ones too.
    fn attackers<'py>(
        &self,
        py: Python<'py>,
        color: ColorArg,
        square: SquareArg,
    ) -> PyResult<Bound<'py, PyFrozenSet>> {
        squares(py, self.ask(py, |position| position.attackers(color.0, square.0)))
    }

    /// The squares that the piece on a square attacks, none if there is no piece.
    fn attacks<'py>(
        &self,
        py: Python<'py>,
        square: SquareArg,
    ) -> PyResult<Bound<'py, PyFrozenSet>> {
        squares(py, self.ask(py, |position| position.attacks_from(square.0)))
    }

    /// The squares of a side's pieces that may only move along the line of a pin.
    fn pinned<'py>(&self, py: Python<'py>, color: ColorArg) -> PyResult<Bound<'py, PyFrozenSet>> {
        squares(py, self.ask(py, |position| position.pinned(color.0)))
    }

    /// The piece on a square, None if it is empty.
    fn piece_at<'py>(
        &self,
        py: Python<'py>,
        square: SquareArg,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.ask(py, |position| position.piece_on(square.0))
            .map(|piece| vocabulary::piece(py, piece))
            .transpose()
    }

    /// The pieces on the board by square, from the first square to the last.
    fn piece_map<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let map = PyDict::new(py);
        for square in self.ask(py, Position::occupied) {
            if let Some(piece) = self.ask(py, |position| position.piece_on(square)) {
                map.set_item(vocabulary::square(py, square)?, vocabulary::piece(py, piece)?)?;
            }
        }
        Ok(map)
    }

    /// The square of a side's king, None if it has none.
    fn king<'py>(&self, py: Python<'py>, color: ColorArg) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.ask(py, |position| position.king(color.0))
            .map(|square| vocabulary::square(py, square))
            .transpose()
    }

    /// What the history says about the position, for the side to move.
    fn repetition<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        vocabulary::repetition(py, self.0.with_mut(py, maou_shogi::Board::repetition))
    }

    /// Tell whether the position has been there so often, this time included.
    #[pyo3(signature = (count = 4))]
    fn is_repetition(&self, py: Python<'_>, count: i64) -> PyResult<bool> {
        if count < 1 {
            let message = format!("count: expected 1 or more, found `{count}`");
            return Err(PyValueError::new_err(message));
        }
        Ok(self.0.with_mut(py, maou_shogi::Board::n_occurrences) as i64 >= count)
    }

    /// Tell whether the side to move wins by a rule about kings in the enemy camp.
    #[pyo3(signature = (rule = "27"))]
    fn can_declare_win(&self, py: Python<'_>, rule: &str) -> PyResult<bool> {
        let rule = declaration(rule)?;
        Ok(self.ask(py, |position| position.can_declare_win_by(rule)))
    }

    /// How the game has ended by the rules alone, None if it goes on.
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(outcome) = self.0.with_mut(py, maou_shogi::Board::outcome) else {
            return Ok(None);
        };
        let winner = outcome.winner.map(|color| vocabulary::color(py, color)).transpose()?;
        let ending = vocabulary::class(py, "Ending")?.call1((outcome.ending.as_str(),))?;
        let class = py.import(intern!(py, "maou.board"))?.getattr(intern!(py, "Outcome"))?;
        Ok(Some(class.call1((winner, ending))?))
    }

    /// Tell whether the game has ended by the rules alone, as `outcome` tells how.
    fn is_game_over(&self, py: Python<'_>) -> bool {
        self.0.with_mut(py, maou_shogi::Board::outcome).is_some()
    }

    /// The position as SFEN: board, side to move, hands and move number.
    fn sfen(&self, py: Python<'_>) -> String {
        self.ask(py, Position::to_sfen)
    }

    /// The position as 32 bytes of HCP.
    fn hcp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, self.ask(py, Position::to_hcp))
    }

    /// The position as 32 bytes of YaneuraOu's PackedSfen.
    fn packed_sfen<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, self.ask(py, Position::to_packed_sfen))
    }

    /// The position with left and right swapped, on a board without moves.
    fn mirror(&self, py: Python<'_>) -> Board {
        Board::from_position(self.ask(py, Position::mirrored))
    }

    /// The position turned by 180°, colors and turn swapped, without moves.
    fn flip(&self, py: Python<'_>) -> Board {
        Board::from_position(self.ask(py, Position::flipped))
    }

    /// A board of its own with the same position and, if asked, the same moves.
    #[pyo3(signature = (*, stack = true))]
    fn copy(&self, py: Python<'_>, stack: bool) -> Board {
        if stack { self.__copy__(py) } else { Board::from_position(self.ask(py, Position::clone)) }
    }

    fn __copy__(&self, py: Python<'_>) -> Board {
        Board::new(self.0.with(py, maou_shogi::Board::clone))
    }

    fn __deepcopy__(&self, memo: &Bound<'_, PyAny>) -> Board {
        self.__copy__(memo.py())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let py = other.py();
        other
            .cast::<Board>()
            .is_ok_and(|other| self.ask(py, |ours| other.get().ask(py, |theirs| ours == theirs)))
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        self.ask(py, Position::key)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("Board('{}')", self.ask(py, Position::to_sfen))
    }

    fn __str__(&self, py: Python<'_>) -> String {
        self.ask(py, Position::to_kif_board).trim_end_matches('\n').to_owned()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Rebuilt<'py>> {
        Ok((
            py.get_type::<Board>(),
            (self.0.with(py, maou_shogi::Board::first).to_sfen(), self.move_stack(py)?),
        ))
    }

    /// The picture for notebooks, with the last move marked.
    fn _repr_svg_<'py>(slf: &Bound<'py, Board>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let options = PyDict::new(py);
        options.set_item(intern!(py, "last_move"), slf.get().last_move(py)?)?;
        let svg = py.import(intern!(py, "maou.svg"))?;
        svg.call_method(intern!(py, "board"), (slf,), Some(&options))?.str().map(Bound::into_any)
    }
}

/// The legal moves of a board's position at the time when they are asked for.
#[pyclass(frozen, module = "maou")]
pub(crate) struct LegalMoves(Py<Board>);

impl LegalMoves {
    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let moves = self.0.get().ask(py, Position::legal_moves);
        PyList::new(py, moves.iter().map(|&mv| Interned(mv)))
    }
}

#[pymethods]
impl LegalMoves {
    fn __len__(&self, py: Python<'_>) -> usize {
        self.0.get().ask(py, Position::count_legal_moves)
    }

    fn __bool__(&self, py: Python<'_>) -> bool {
        self.0.get().ask(py, Position::has_legal_move)
    }

    fn __contains__(&self, mv: &Bound<'_, PyMove>) -> bool {
        self.0.get().ask(mv.py(), |position| position.is_legal(mv.get().value()))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.list(py)?.try_iter()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyMove>> {
        let moves = self.0.get().ask(py, Position::legal_moves);
        let from_start = if index < 0 { index + moves.len() as isize } else { index };
        let found = usize::try_from(from_start).ok().and_then(|index| moves.get(index).copied());
        let mv = found.ok_or_else(|| {
            let n_moves = moves.len();
            PyIndexError::new_err(format!("expected one of {n_moves} legal moves, found {index}"))
        })?;
        interned(py, mv)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let moves = self.0.get().ask(py, Position::legal_moves);
        let moves: Vec<String> = moves.iter().map(|mv| mv.to_usi()).collect();
        format!("<LegalMoves: {}>", moves.join(" "))
    }
}
