//! A game as it is handed on by every reader and taken by every writer.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64;

use super::Comments;
use crate::{Color, Move, Position};

/// The result of a game, with the numbers of HCPE; [`GameResult::Unknown`] is added.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum GameResult {
    /// Nobody wins.
    Draw = 0,
    /// Black, who moves first in even games, wins.
    BlackWins = 1,
    /// White wins.
    WhiteWins = 2,
    /// The record does not tell: an interrupted game, a problem, a truncated file.
    #[default]
    Unknown = 3,
}

impl GameResult {
    /// The result in which `color` wins.
    pub const fn win_of(color: Color) -> GameResult {
        match color {
            Color::Black => GameResult::BlackWins,
            Color::White => GameResult::WhiteWins,
        }
    }

    /// Who wins, if anybody does.
    pub const fn winner(self) -> Option<Color> {
        match self {
            GameResult::BlackWins => Some(Color::Black),
            GameResult::WhiteWins => Some(Color::White),
            GameResult::Draw | GameResult::Unknown => None,
        }
    }

    /// The result with this number.
    pub const fn from_u8(value: u8) -> Option<GameResult> {
        match value {
            0 => Some(GameResult::Draw),
            1 => Some(GameResult::BlackWins),
            2 => Some(GameResult::WhiteWins),
            3 => Some(GameResult::Unknown),
            _ => None,
        }
    }
}

/// How a game ended. The names are part of the games table: they never change.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Ending {
    /// The side to move resigned (投了).
    Resign,
    /// The side to move is mated (詰み).
    Checkmate,
    /// Fourth occurrence of a position without perpetual check: a draw (千日手).
    Repetition,
    /// Repetition in which one side always gave check, and loses (連続王手の千日手).
    PerpetualCheck,
    /// The side to move declared a win with its king in the zone (入玉宣言勝ち).
    Declaration,
    /// A draw with both kings entered (持将棋).
    Impasse,
    /// A draw because the game reached its greatest number of moves.
    MaxMoves,
    /// The side to move ran out of time (切れ負け).
    Time,
    /// An illegal move, which loses (反則).
    IllegalMove,
    /// Another forbidden action, which loses (反則行為).
    IllegalAction,
    /// One side did not play (不戦勝, 不戦敗).
    Walkover,
    /// Stopped or adjourned (中断, 封じ手).
    Interrupted,
    /// A problem that has no mate (不詰).
    NoMate,
    /// A move was taken back (待った).
    Takeback,
    /// An error of the program or server that wrote the record.
    Error,
    /// The record does not tell.
    #[default]
    Unknown,
}

impl Ending {
    /// All endings.
    pub const ALL: [Ending; 16] = [
        Ending::Resign,
        Ending::Checkmate,
        Ending::Repetition,
        Ending::PerpetualCheck,
        Ending::Declaration,
        Ending::Impasse,
        Ending::MaxMoves,
        Ending::Time,
        Ending::IllegalMove,
        Ending::IllegalAction,
        Ending::Walkover,
        Ending::Interrupted,
        Ending::NoMate,
        Ending::Takeback,
        Ending::Error,
        Ending::Unknown,
    ];

    /// The name in snake case, as it stands in the games table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ending::Resign => "resign",
            Ending::Checkmate => "checkmate",
            Ending::Repetition => "repetition",
            Ending::PerpetualCheck => "perpetual_check",
            Ending::Declaration => "declaration",
            Ending::Impasse => "impasse",
            Ending::MaxMoves => "max_moves",
            Ending::Time => "time",
            Ending::IllegalMove => "illegal_move",
            Ending::IllegalAction => "illegal_action",
            Ending::Walkover => "walkover",
            Ending::Interrupted => "interrupted",
            Ending::NoMate => "no_mate",
            Ending::Takeback => "takeback",
            Ending::Error => "error",
            Ending::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is the name of no [`Ending`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownEnding;

impl fmt::Display for UnknownEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected the name of an ending, such as `resign`")
    }
}

impl std::error::Error for UnknownEnding {}

impl FromStr for Ending {
    type Err = UnknownEnding;

    fn from_str(name: &str) -> Result<Ending, UnknownEnding> {
        Ending::ALL.into_iter().find(|ending| ending.as_str() == name).ok_or(UnknownEnding)
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day, if it exists and its year lies in 1..=9999.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        if year == 0 || year > 9999 || day == 0 || day > days {
            return None;
        }
        Some(Date { year, month, day })
    }

    /// The year.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The day that is so many days after 1970-01-01, if its year lies in 1..=9999.
    pub const fn from_days_since_epoch(days: i32) -> Option<Date> {
        // Counted from 0000-03-01, in years that begin in March, as below.
        let days = days as i64 + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_based = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_based + 2) / 5 + 1;
        let month = if march_based < 10 { march_based + 3 } else { march_based - 9 };
        let year = 400 * era + year_of_era + (month <= 2) as i64;
        if year < 1 || year > 9_999 {
            return None;
        }
        Date::new(year as u16, month as u8, day as u8)
    }

    /// Days since 1970-01-01.
    pub const fn days_since_epoch(self) -> i32 {
        // Counted in years that begin in March, so that the leap day is the last one of a year.
        let march_based = (self.month as i32 + 9) % 12;
        let year = self.year as i32 - (self.month <= 2) as i32;
        let day_of_year = (153 * march_based + 2) / 5 + self.day as i32 - 1;
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
            - 719_468
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// One game: where it started, its main line, how it ended and who played.
///
/// `moves`, `evals_cp` and `times_ms` are equally long. Readers reuse one record for all games of
/// a file; [`GameRecord::clear`] keeps the allocations.
#[derive(Clone, Debug)]
pub struct GameRecord {
    /// The start position; its move number is 1.
    pub start: Position,
    /// The main line, every move legal.
    pub moves: Vec<Move>,
    /// Centipawns for the side that made the move; within ±31,000 a score, ±(32,000 − plies) a
    /// mate, ±32,000 a mate whose distance is unknown.
    pub evals_cp: Vec<Option<i16>>,
    /// Milliseconds used for the move.
    pub times_ms: Vec<Option<u32>>,
    /// Who won.
    pub result: GameResult,
    /// How the game ended.
    pub ending: Ending,
    /// What could not be read or played after the last legal move; empty if there is no such.
    pub tail: String,
    /// Name of Black.
    pub black: String,
    /// Name of White.
    pub white: String,
    /// Name of the event.
    pub event: String,
    /// Rating of Black.
    pub black_rating: Option<f64>,
    /// Rating of White.
    pub white_rating: Option<f64>,
    /// The day on which the game started; `None` also if the record tells it in words only.
    pub date: Option<Date>,
    /// The `a` of `1 / (1 + exp(-cp / a))`, where the record tells it.
    pub eval_scale_cp: Option<f64>,
    /// Number of variations that were left out.
    pub n_variations: u32,
    /// Number of comment lines that were left out.
    pub n_comments: u32,
    /// Header fields as they are written, in order, without those that are part of the start
    /// position; empty unless the reader keeps everything.
    pub headers: Vec<(String, String)>,
    /// Comments on the main line, in order; empty unless the reader keeps everything.
    pub comments: Comments,
    /// Variations of the main line, by the ply at which they begin, then as they are written;
    /// empty unless the reader keeps everything.
    pub variations: Vec<Variation>,
}

/// A line that could have been played instead.
///
/// `moves`, `evals_cp` and `times_ms` are equally long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variation {
    /// Moves of the line it leaves before its first move, counted from the start of the game: at 0
    /// it replaces the first move.
    pub ply: u32,
    /// Its moves, every one legal.
    pub moves: Vec<Move>,
    /// As in [`GameRecord::evals_cp`].
    pub evals_cp: Vec<Option<i16>>,
    /// As in [`GameRecord::times_ms`].
    pub times_ms: Vec<Option<u32>>,
    /// How it ends, [`Ending::Unknown`] where nothing is told.
    pub ending: Ending,
    /// Who wins in it.
    pub result: GameResult,
    /// What could not be read or played after its last legal move.
    pub tail: String,
    /// Comments on its moves; their ply is counted from the start of the game.
    pub comments: Comments,
    /// Lines that leave this one.
    pub variations: Vec<Variation>,
}

impl Default for GameRecord {
    fn default() -> GameRecord {
        GameRecord {
            start: Position::startpos(),
            moves: Vec::new(),
            evals_cp: Vec::new(),
            times_ms: Vec::new(),
            result: GameResult::Unknown,
            ending: Ending::Unknown,
            tail: String::new(),
            black: String::new(),
            white: String::new(),
            event: String::new(),
            black_rating: None,
            white_rating: None,
            date: None,
            eval_scale_cp: None,
            n_variations: 0,
            n_comments: 0,
            headers: Vec::new(),
            comments: Comments::default(),
            variations: Vec::new(),
        }
    }
}

impl GameRecord {
    /// Empties everything except `start`, which stays as it is, and keeps the allocations.
    pub fn clear(&mut self) {
        self.moves.clear();
        self.evals_cp.clear();
        self.times_ms.clear();
        self.result = GameResult::Unknown;
        self.ending = Ending::Unknown;
        self.tail.clear();
        self.black.clear();
        self.white.clear();
        self.event.clear();
        self.black_rating = None;
        self.white_rating = None;
        self.date = None;
        self.eval_scale_cp = None;
        self.n_variations = 0;
        self.n_comments = 0;
        self.headers.clear();
        self.comments.clear();
        self.variations.clear();
    }

    /// The id of the game: equal games have equal ids, whoever played and wrote them down.
    ///
    /// It is xxh3-64 with seed 0 of the canonical start SFEN with move number 1, the moves as
    /// little-endian `u16`, the result as one byte and the ending's name.
    pub fn id(&self) -> u64 {
        let mut setup = self.start.to_setup();
        setup.move_number = 1;
        let mut bytes = setup.to_sfen().into_bytes();
        bytes.reserve(2 * self.moves.len() + 16);
        bytes.extend(self.moves.iter().flat_map(|mv| mv.move16().to_le_bytes()));
        bytes.push(self.result as u8);
        bytes.extend_from_slice(self.ending.as_str().as_bytes());
        xxh3_64(&bytes)
    }
}
