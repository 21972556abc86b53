//! USI `position` lines and SFENs.

use std::fmt::Write;

use super::kif_lines::Line;
use super::{Loss, ending, n_lines};
use crate::record::GameRecord;

/// Appends a game as a line `position sfen … moves …`, and returns what is left out: all but the
/// start and the main line.
///
/// An ending is not written: engines take such lines, and know no word for one.
pub fn write_usi(game: &GameRecord, out: &mut String) -> Loss {
    let _ = write!(out, "position sfen {}", game.start.to_sfen());
    out.push_str(if game.moves.is_empty() { "" } else { " moves" });
    for mv in &game.moves {
        let _ = write!(out, " {mv}");
    }
    out.push('\n');
    loss_beside_moves(game)
}

/// Appends the start position of a game as a line, and returns what is left out: all the rest.
pub fn write_sfen(game: &GameRecord, out: &mut String) -> Loss {
    let _ = writeln!(out, "{}", game.start.to_sfen());
    Loss { n_moves: game.moves.len() as u64, ..loss_beside_moves(game) }
}

fn loss_beside_moves(game: &GameRecord) -> Loss {
    let fields =
        [&game.black, &game.white, &game.event].into_iter().filter(|text| !text.is_empty());
    let n_fields = fields.count() + usize::from(game.date.is_some());
    let n_ratings = [game.black_rating, game.white_rating].iter().flatten().count();
    let no_word = [((), Vec::new())];
    let is_told = ending::choose(&Line::from(game), no_word).is_some_and(|chosen| chosen.1);
    Loss {
        n_variations: game.variations.iter().map(n_lines).sum(),
        n_comments: game.comments.len() as u64,
        n_headers: (n_fields.max(game.headers.len()) + n_ratings) as u64,
        n_evals: game.evals_cp.iter().flatten().count() as u64,
        n_times: game.times_ms.iter().flatten().count() as u64,
        n_endings: u64::from(!is_told),
        n_tails: u64::from(!game.tail.is_empty()),
        ..Loss::NONE
    }
}
