//! Games in any format, one or many in a text.

use super::{Loss, write_csa, write_jkf, write_ki2, write_kif, write_sfen, write_usi};
use crate::record::{Format, GameRecord};

/// Appends a game as text of a format, and returns what the format could not hold.
pub fn write_record(format: Format, game: &GameRecord, out: &mut String) -> Loss {
    match format {
        Format::Csa => write_csa(game, out),
        Format::Kif => write_kif(game, out),
        Format::Ki2 => write_ki2(game, out),
        Format::Jkf => write_jkf(game, out),
        Format::Usi => write_usi(game, out),
        Format::Sfen => write_sfen(game, out),
    }
}

/// Writes games into one text, with what stands between them in their format.
///
/// ```
/// use maou_shogi::record::{Format, GameRecord, GamesText};
/// let mut out = String::new();
/// let mut text = GamesText::new(Format::Csa);
/// text.push(&GameRecord::default(), &mut out);
/// text.push(&GameRecord::default(), &mut out);
/// text.finish(&mut out);
/// assert_eq!(out.split("/\n").count(), 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GamesText {
    format: Format,
    n_games: u64,
}

impl GamesText {
    /// A text of no game so far.
    pub fn new(format: Format) -> GamesText {
        GamesText { format, n_games: 0 }
    }

    /// What stands before the next game, for those who have the text of the game already.
    pub fn before_next(&mut self) -> &'static str {
        let before = match (self.format, self.n_games) {
            (Format::Jkf, 0) => "[",
            (Format::Jkf, _) => ",",
            (_, 0) => "",
            (Format::Csa, _) => "/\n",
            (Format::Kif, _) => "\n",
            // The line with which programs begin a file, or games without moves would run together.
            (Format::Ki2, _) => "\n# ---- ----\n",
            (Format::Usi | Format::Sfen, _) => "",
        };
        self.n_games += 1;
        before
    }

    /// Appends the next game, and returns what the format could not hold. `out` may be emptied
    /// between the games.
    pub fn push(&mut self, game: &GameRecord, out: &mut String) -> Loss {
        out.push_str(self.before_next());
        write_record(self.format, game, out)
    }

    /// Appends what ends the text: the games of JKF are an array.
    pub fn finish(self, out: &mut String) {
        if self.format == Format::Jkf {
            out.push_str(if self.n_games == 0 { "[]\n" } else { "]\n" });
        }
    }
}

/// Appends games as one text: one game alone, several as [`GamesText`] writes them; returns what the
/// format could not hold.
pub fn write_records<'a>(
    format: Format,
    games: impl IntoIterator<Item = &'a GameRecord, IntoIter: ExactSizeIterator>,
    out: &mut String,
) -> Loss {
    let mut games = games.into_iter();
    if games.len() == 1 {
        return games.next().map_or(Loss::NONE, |game| write_record(format, game, out));
    }
    let mut text = GamesText::new(format);
    let mut loss = Loss::NONE;
    for game in games {
        loss += text.push(game, out);
    }
    text.finish(out);
    loss
}
