//! Arrangements of pieces that may break the rules.

use crate::color::Color;
use crate::hand::Hand;
use crate::piece::{Piece, PieceType};
use crate::sfen::{self, SfenError};
use crate::square::Square;

/// An arrangement of pieces: what a text or an editor says, legal or not.
///
/// [`Position::from_setup`](crate::Position::from_setup) tells whether it is legal.
///
/// ```
/// use maou_shogi::{Handicap, Setup};
/// let setup = Setup::handicap(Handicap::Two);
/// assert_eq!(setup.to_sfen(), "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The pieces by number of the square.
    pub board: [Option<Piece>; 81],
    /// The hands, Black's first.
    pub hands: [Hand; 2],
    /// The side to move.
    pub turn: Color,
    /// The number of the next move, from 1.
    pub move_number: u16,
}

/// Which pieces White (上手) leaves out at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handicap {
    /// 平手: none.
    Even,
    /// 香落ち: the lance on 1a.
    Lance,
    /// 右香落ち: the lance on 9a.
    RightLance,
    /// 角落ち
    Bishop,
    /// 飛車落ち
    Rook,
    /// 飛香落ち: the rook and the lance on 1a.
    RookLance,
    /// 二枚落ち: rook and bishop.
    Two,
    /// 三枚落ち: rook, bishop and the lance on 1a.
    Three,
    /// 四枚落ち: rook, bishop and both lances.
    Four,
    /// 五枚落ち: as four, and the knight on 8a.
    Five,
    /// 左五枚落ち: as four, and the knight on 2a.
    FiveLeft,
    /// 六枚落ち: as four, and both knights.
    Six,
    /// 左七枚落ち: as six, and the silver on 3a.
    SevenLeft,
    /// 右七枚落ち: as six, and the silver on 7a.
    SevenRight,
    /// 八枚落ち: as six, and both silvers.
    Eight,
    /// 十枚落ち: all but the king and the pawns.
    Ten,
}

impl Handicap {
    /// All handicaps, from none to ten pieces.
    pub const ALL: [Handicap; 16] = [
        Handicap::Even,
        Handicap::Lance,
        Handicap::RightLance,
        Handicap::Bishop,
        Handicap::Rook,
        Handicap::RookLance,
        Handicap::Two,
        Handicap::Three,
        Handicap::Four,
        Handicap::Five,
        Handicap::FiveLeft,
        Handicap::Six,
        Handicap::SevenLeft,
        Handicap::SevenRight,
        Handicap::Eight,
        Handicap::Ten,
    ];

    /// White's two back ranks in SFEN.
    const fn ranks(self) -> [&'static str; 2] {
        match self {
            Handicap::Even => ["lnsgkgsnl", "1r5b1"],
            Handicap::Lance => ["lnsgkgsn1", "1r5b1"],
            Handicap::RightLance => ["1nsgkgsnl", "1r5b1"],
            Handicap::Bishop => ["lnsgkgsnl", "1r7"],
            Handicap::Rook => ["lnsgkgsnl", "7b1"],
            Handicap::RookLance => ["lnsgkgsn1", "7b1"],
            Handicap::Two => ["lnsgkgsnl", "9"],
            Handicap::Three => ["lnsgkgsn1", "9"],
            Handicap::Four => ["1nsgkgsn1", "9"],
            Handicap::Five => ["2sgkgsn1", "9"],
            Handicap::FiveLeft => ["1nsgkgs2", "9"],
            Handicap::Six => ["2sgkgs2", "9"],
            Handicap::SevenLeft => ["2sgkg3", "9"],
            Handicap::SevenRight => ["3gkgs2", "9"],
            Handicap::Eight => ["3gkg3", "9"],
            Handicap::Ten => ["4k4", "9"],
        }
    }
}

impl Setup {
    /// A board without pieces, Black to move.
    pub const EMPTY: Setup =
        Setup { board: [None; 81], hands: [Hand::EMPTY; 2], turn: Color::Black, move_number: 1 };

    /// The start of an even game.
    pub fn startpos() -> Setup {
        Setup::handicap(Handicap::Even)
    }

    /// The start of a handicap game: White, who left the pieces out, moves first.
    pub fn handicap(handicap: Handicap) -> Setup {
        let [first, second] = handicap.ranks();
        let turn = if handicap == Handicap::Even { 'b' } else { 'w' };
        let text = format!("{first}/{second}/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL {turn} - 1");
        Setup::from_sfen(&text).expect("the tables hold good SFENs")
    }

    /// Reads an SFEN: board, side to move, hands and, if it is there, the move number.
    ///
    /// # Errors
    /// If the text is no SFEN; the legality of the arrangement is not looked at.
    pub fn from_sfen(text: &str) -> Result<Setup, SfenError> {
        sfen::parse(text)
    }

    /// The canonical SFEN: hands Black then White in the order R B G S N L P, counts above 1.
    pub fn to_sfen(&self) -> String {
        sfen::print(&self.board, &self.hands, self.turn, self.move_number)
    }

    /// The piece on a square.
    #[inline]
    pub const fn piece_on(&self, square: Square) -> Option<Piece> {
        self.board[square.index()]
    }

    /// The arrangement as the opponent sees it: turned by 180°, colors and turn swapped.
    pub fn flipped(&self) -> Setup {
        let mut board = self.board.map(|piece| piece.map(Piece::flip));
        board.reverse();
        Setup {
            board,
            hands: [self.hands[1], self.hands[0]],
            turn: self.turn.opponent(),
            move_number: self.move_number,
        }
    }

    /// How many pieces of each kind there are on the board and in both hands, promoted pieces
    /// counted with their base kind, by number of the kind (entry 0 is 0).
    pub(crate) fn totals(&self) -> [u16; 9] {
        let mut totals = [0; 9];
        for piece in self.board.iter().flatten() {
            totals[piece.piece_type().unpromoted().index()] += 1;
        }
        for (kind, count) in self.hands.iter().flat_map(Hand::iter) {
            totals[kind.index()] += u16::from(count);
        }
        debug_assert_eq!(totals[0], 0);
        totals
    }

    /// The squares of a kind of piece of one side, in order.
    pub(crate) fn squares_of(
        &self,
        color: Color,
        kind: PieceType,
    ) -> impl Iterator<Item = Square> + '_ {
        let wanted = Some(Piece::new(color, kind));
        Square::all().filter(move |&square| self.piece_on(square) == wanted)
    }
}
