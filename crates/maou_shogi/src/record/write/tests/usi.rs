//! USI lines and SFENs, written and read again.

use super::full::read_full;
use super::*;
use crate::record::{Comment, Loss, Variation};

#[test]
fn main_lines_come_back() {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 5, ..Default::default() });
    let mut games = vec![GameRecord::default(); 50];
    for (idx, game) in games.iter_mut().enumerate() {
        generator.next_game(game);
        if idx % 5 == 0 {
            let handicap = Handicap::ALL[idx % Handicap::ALL.len()];
            *game =
                GameRecord::starting_at(&Position::from_setup(&Setup::handicap(handicap)).unwrap());
            let legal = game.start.legal_moves();
            game.moves.extend(legal.get(idx % legal.len()));
            game.evals_cp.push(None);
            game.times_ms.push(None);
        }
    }
    let mut text = String::new();
    write_records(Format::Usi, &games, &mut text);
    let found = read_full(text.as_bytes());
    assert_eq!((found.errors.len(), found.games.len()), (0, games.len()));
    for (found, game) in found.games.iter().zip(&games) {
        assert_eq!((&found.start, &found.moves), (&game.start, &game.moves));
    }
    let mut text = String::new();
    write_records(Format::Sfen, &games, &mut text);
    let found = read_full(text.as_bytes());
    assert_eq!((found.errors.len(), found.games.len()), (0, games.len()));
    for (found, game) in found.games.iter().zip(&games) {
        assert_eq!((&found.start, found.moves.len()), (&game.start, 0));
    }
}

#[test]
fn lines_are_pinned_and_losses_counted() {
    let start = Position::startpos();
    let mut game = game(&start, "7g7f 3c3d", Ending::Resign, GameResult::BlackWins);
    game.black = "a".to_owned();
    game.white_rating = Some(1.0);
    game.headers = vec![("先手".to_owned(), "a".to_owned()), ("x".to_owned(), "y".to_owned())];
    game.comments.push(Comment { ply: 0, text: "c" });
    game.times_ms[0] = Some(3000);
    let inner = Variation { ply: 1, ..Variation::default() };
    game.variations.push(Variation { ply: 1, variations: vec![inner], ..Variation::default() });
    let mut text = String::new();
    let loss = write_usi(&game, &mut text);
    let sfen = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";
    assert_eq!(text, format!("position sfen {sfen} moves 7g7f 3c3d\n"));
    let expected = Loss {
        n_variations: 2,
        n_comments: 1,
        n_headers: 3,
        n_times: 1,
        n_endings: 1,
        ..Loss::NONE
    };
    assert_eq!(loss, expected);
    text.clear();
    assert_eq!(write_sfen(&game, &mut text), Loss { n_moves: 2, ..expected });
    assert_eq!(text, format!("{sfen}\n"));
    text.clear();
    assert_eq!(write_usi(&GameRecord::default(), &mut text), Loss::NONE);
    assert_eq!(text, format!("position sfen {sfen}\n"));
}
