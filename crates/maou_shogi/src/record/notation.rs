//! Single moves and boards in the notations of records, without a record around them.

use super::csa_move::{self, Refusal as CsaRefusal};
use super::glyph::Utf8;
use super::ki2::{self, Refusal};
use super::kif_move::{self, Lexed};
use super::{ErrorKind, kif_start, write};
use crate::{Color, Handicap, Move, Position, Square};

/// A text that is no move, or none that the position allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTextError {
    /// [`ErrorKind::Syntax`] or [`ErrorKind::IllegalMove`].
    pub kind: ErrorKind,
    /// What was expected and what was found, in which position.
    pub message: String,
}

impl std::fmt::Display for MoveTextError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MoveTextError {}

impl Position {
    /// The error of a move that this position does not allow.
    fn illegal(&self, found: &str) -> MoveTextError {
        let message = format!("expected a legal move, found `{found}` in `{}`", self.to_sfen());
        MoveTextError { kind: ErrorKind::IllegalMove, message }
    }

    fn in_this(&self, kind: ErrorKind, message: String) -> MoveTextError {
        MoveTextError { kind, message: format!("{message} in `{}`", self.to_sfen()) }
    }

    /// The move, if it is legal.
    ///
    /// # Errors
    /// If it is not; the message names the move and the position.
    #[inline]
    pub fn check_move(&self, mv: Move) -> Result<Move, MoveTextError> {
        if self.is_legal(mv) { Ok(mv) } else { Err(self.refusal(mv)) }
    }

    /// The error of a move that is not legal; the message names the move and the position.
    #[cold]
    pub fn refusal(&self, mv: Move) -> MoveTextError {
        self.illegal(&mv.to_usi())
    }

    /// Reads a legal move as USI writes it, such as `7g7f`, `8h2b+` or `P*5e`.
    ///
    /// # Errors
    /// If the text is no move, or the position does not allow it.
    pub fn parse_usi_move(&self, text: &str) -> Result<Move, MoveTextError> {
        match Move::from_usi(text) {
            Ok(mv) => self.check_move(mv),
            Err(error) => Err(self.in_this(ErrorKind::Syntax, error.message)),
        }
    }

    /// Reads a legal move as CSA writes it, such as `+7776FU`; the sign may be left out.
    ///
    /// # Errors
    /// If the text is no move, or the position does not allow it.
    ///
    /// ```
    /// use maou_shogi::Position;
    /// let start = Position::startpos();
    /// assert_eq!(start.parse_csa_move("+7776FU").unwrap().to_usi(), "7g7f");
    /// assert!(start.parse_csa_move("-3334FU").is_err());
    /// ```
    pub fn parse_csa_move(&self, text: &str) -> Result<Move, MoveTextError> {
        let turn = self.turn();
        let (sign, rest) = match text.as_bytes() {
            [sign @ (b'+' | b'-'), rest @ ..] => (*sign, rest),
            rest => (if turn == Color::Black { b'+' } else { b'-' }, rest),
        };
        let mv = match *rest {
            [f0, f1, t0, t1, n0, n1] => {
                csa_move::find_move(self, sign, [f0, f1], [t0, t1], [n0, n1])
            }
            _ => Err(CsaRefusal::NotAMove),
        };
        match mv {
            Ok(mv) if self.is_legal(mv) => Ok(mv),
            Ok(_) => Err(self.illegal(text)),
            Err(refusal) => {
                let (kind, message) = refusal.describe(text, turn);
                Err(self.in_this(kind, message))
            }
        }
    }

    /// Reads a legal move as KIF or KI2 writes it, such as `７六歩(77)`, `▲７六歩`, `同　銀右` or
    /// `５五角打`; `last_to` is the target of the move before, for 同.
    ///
    /// # Errors
    /// If the text is no move, the position does not allow it, or several pieces could make it.
    ///
    /// ```
    /// use maou_shogi::Position;
    /// let start = Position::startpos();
    /// assert_eq!(start.parse_kif_move("▲７六歩", None).unwrap().to_usi(), "7g7f");
    /// assert_eq!(start.parse_kif_move("７六歩(77)", None).unwrap().to_usi(), "7g7f");
    /// ```
    pub fn parse_kif_move(
        &self,
        text: &str,
        last_to: Option<Square>,
    ) -> Result<Move, MoveTextError> {
        let bytes = text.as_bytes();
        let written = match kif_move::lex::<Utf8>(bytes, 0) {
            Lexed::Move(written, end) if end == bytes.len() => Ok(written),
            _ => Err(Refusal::NotAMove),
        };
        let found = written.and_then(|written| ki2::select(&written, self, last_to));
        found.map_err(|refusal| {
            let (kind, message) = refusal.describe(text, self, false);
            self.in_this(kind, message)
        })
    }

    /// A legal move as CSA writes it, such as `+7776FU`.
    pub fn csa_move(&self, mv: Move) -> String {
        write::csa_move_name(self, mv)
    }

    /// A legal move as KIF writes it, without number and time, such as `７六歩(77)` or
    /// `同　飛成(28)`; `last_to` is the target of the move before.
    pub fn kif_move(&self, mv: Move, last_to: Option<Square>) -> String {
        write::kif_move_name(self, mv, last_to)
    }

    /// A legal move as KI2 writes it, such as `▲７六歩`, `△同　銀` or `▲５八金右`; `last_to` is the
    /// target of the move before.
    pub fn ki2_move(&self, mv: Move, last_to: Option<Square>) -> String {
        write::ki2_move_name(self, mv, last_to)
    }

    /// Board and hands as KIF and BOD write them, each line with its end.
    pub fn to_kif_board(&self) -> String {
        write::kif_board(self)
    }
}

/// The names in English, beside those of KIF.
const NAMES: [(&str, Handicap); 16] = [
    ("even", Handicap::Even),
    ("lance", Handicap::Lance),
    ("right_lance", Handicap::RightLance),
    ("bishop", Handicap::Bishop),
    ("rook", Handicap::Rook),
    ("rook_lance", Handicap::RookLance),
    ("two", Handicap::Two),
    ("three", Handicap::Three),
    ("four", Handicap::Four),
    ("five", Handicap::Five),
    ("five_left", Handicap::FiveLeft),
    ("six", Handicap::Six),
    ("seven_left", Handicap::SevenLeft),
    ("seven_right", Handicap::SevenRight),
    ("eight", Handicap::Eight),
    ("ten", Handicap::Ten),
];

/// A name that no handicap has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownHandicap {
    /// The names that are known, and the one that was found.
    pub message: String,
}

impl std::fmt::Display for UnknownHandicap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UnknownHandicap {}

impl Handicap {
    /// The handicap of this name: `lance`, `two` or `five_left` in English, 香落ち or 二枚落 in
    /// Japanese.
    ///
    /// # Errors
    /// If none has it; the message lists those in English.
    ///
    /// ```
    /// use maou_shogi::Handicap;
    /// assert_eq!(Handicap::from_name("two"), Handicap::from_name("二枚落ち"));
    /// ```
    pub fn from_name(name: &str) -> Result<Handicap, UnknownHandicap> {
        let english = NAMES.iter().find(|known| known.0 == name).map(|known| known.1);
        english.or_else(|| kif_start::handicap_of(name)).ok_or_else(|| {
            let known: Vec<_> = NAMES.iter().map(|known| format!("`{}`", known.0)).collect();
            let known = known.join(", ");
            let message = format!(
                "expected a handicap, {known} or a name such as `二枚落ち`, found `{name}`"
            );
            UnknownHandicap { message }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_games;

    #[test]
    fn every_legal_move_comes_back_from_every_notation() {
        let mut last_to = None;
        random_games(4511, 16, |position| {
            for &mv in &position.legal_moves() {
                let usi = mv.to_usi();
                assert_eq!(position.parse_usi_move(&usi), Ok(mv), "{usi} in {position:?}");
                let csa = position.csa_move(mv);
                assert_eq!(position.parse_csa_move(&csa), Ok(mv), "{csa} in {position:?}");
                assert_eq!(position.parse_csa_move(&csa[1..]), Ok(mv), "{csa} in {position:?}");
                for last_to in [None, last_to, Some(mv.to())] {
                    for text in [position.kif_move(mv, last_to), position.ki2_move(mv, last_to)] {
                        let read = position.parse_kif_move(&text, last_to);
                        assert_eq!(read, Ok(mv), "{text} in {position:?}");
                    }
                }
            }
            last_to = position.legal_moves().first().map(|mv| mv.to());
        });
    }

    #[test]
    fn other_texts_are_errors_with_text_and_position() {
        let start = Position::startpos();
        let sfen = start.to_sfen();
        let check = |error: MoveTextError, kind, message: &str| {
            assert_eq!(error.kind, kind);
            assert_eq!(error.message, format!("{message} in `{sfen}`"));
        };
        let (syntax, illegal) = (ErrorKind::Syntax, ErrorKind::IllegalMove);
        let usi = |text| start.parse_usi_move(text).unwrap_err();
        check(
            usi("７六歩"),
            syntax,
            "expected a move such as `7g7f`, `8h2b+` or `P*5e`, found `７六歩`",
        );
        check(usi("7g7e"), illegal, "expected a legal move, found `7g7e`");
        let csa = |text| start.parse_csa_move(text).unwrap_err();
        for text in ["", "+", "7g7f", "+7776XX", "+7776FUU", "+7776F", "%TORYO", "７六歩"] {
            let message = format!("expected a move such as `+7776FU`, found `{text}`");
            check(csa(text), syntax, &message);
        }
        check(csa("-3334FU"), illegal, "expected a move of Black (`+`), found `-3334FU`");
        check(csa("+7775FU"), illegal, "expected a legal move, found `+7775FU`");
        check(
            csa("+7776GI"),
            illegal,
            "expected a legal move, found `+7776GI`: the piece on 77 is `FU`",
        );
        check(
            csa("5556FU"),
            illegal,
            "expected a legal move, found `5556FU`: Black has no piece on 55",
        );
        let kif = |text| start.parse_kif_move(text, None).unwrap_err();
        for text in ["", "７六", "投了", "７六歩(77) ", "７六歩７", "同　歩", "7g7f"]
        {
            let message = format!("expected a move such as `▲７六歩`, found `{text}`");
            check(kif(text), syntax, &message);
        }
        check(kif("△３四歩"), illegal, "expected a move of Black (`▲`), found `△３四歩`");
        check(kif("５五角"), illegal, "expected a legal move, found `５五角`");
        check(kif("７六歩(78)"), illegal, "expected a legal move, found `７六歩(78)`");
        check(
            kif("▲５八金"),
            illegal,
            "expected a move of one piece only, found `▲５八金`, which may be `▲５八金(49)`, \
             `▲５八金(69)`",
        );
    }

    #[test]
    fn boards_are_those_of_kif() {
        let sfen = "4k4/9/4+P4/9/9/9/9/9/4K4 w R12P2b 1";
        let board = "後手の持駒：角二　\n  ９ ８ ７ ６ ５ ４ ３ ２ １\n\
            +---------------------------+\n| ・ ・ ・ ・v玉 ・ ・ ・ ・|一\n\
            | ・ ・ ・ ・ ・ ・ ・ ・ ・|二\n| ・ ・ ・ ・ と ・ ・ ・ ・|三\n\
            | ・ ・ ・ ・ ・ ・ ・ ・ ・|四\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|五\n\
            | ・ ・ ・ ・ ・ ・ ・ ・ ・|六\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|七\n\
            | ・ ・ ・ ・ ・ ・ ・ ・ ・|八\n| ・ ・ ・ ・ 玉 ・ ・ ・ ・|九\n\
            +---------------------------+\n先手の持駒：飛　歩十二　\n後手番\n";
        assert_eq!(Position::from_sfen(sfen).unwrap().to_kif_board(), board);
    }

    #[test]
    fn handicaps_have_names_in_both_languages() {
        for (name, handicap) in NAMES {
            assert_eq!(Handicap::from_name(name), Ok(handicap));
        }
        assert_eq!(NAMES.map(|known| known.1), Handicap::ALL);
        assert_eq!(Handicap::from_name("二枚落"), Ok(Handicap::Two));
        assert_eq!(Handicap::from_name("左香落ち"), Ok(Handicap::Lance));
        for name in ["", "Two", "その他", "落ち"] {
            let message = Handicap::from_name(name).unwrap_err().message;
            assert!(message.starts_with("expected a handicap, `even`, `lance`, "), "{message}");
            assert!(message.ends_with(&format!("found `{name}`")), "{message}");
        }
    }
}
