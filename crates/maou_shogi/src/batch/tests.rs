use super::*;
use crate::setup::{Handicap, Setup};
use crate::testing::{random_games, sparse_positions};

/// Positions of random games and sparse ones with two kings, and their rows.
fn positions() -> (Vec<Position>, Vec<Hcp>) {
    let mut positions = Vec::new();
    let mut rows = Vec::new();
    let mut take = |position: &mut Position| {
        if let Ok(hcp) = position.to_hcp() {
            positions.push(Position::from_hcp(&hcp).unwrap());
            rows.push(hcp);
        }
    };
    random_games(41, 32, &mut take);
    sparse_positions(42, 2_000, &mut take);
    assert!(rows.len() > 5_000);
    (positions, rows)
}

#[test]
fn every_row_is_what_its_position_says() {
    let (positions, rows) = positions();
    let n = rows.len();
    for threads in [1, 3] {
        assert_eq!(check(&rows, threads), Ok(true));
        let mut twins = vec![[0; 32]; n];
        flip(&rows, &mut twins, threads).unwrap();
        let mut packed = vec![[0; 32]; n];
        packed_sfens(&rows, &mut packed, threads).unwrap();
        let mut again = vec![[0; 32]; n];
        from_packed_sfens(&packed, &mut again, threads).unwrap();
        assert_eq!(again, rows);
        let mut texts = vec![String::new(); n];
        sfens(&rows, &mut texts, threads).unwrap();
        from_sfens(&texts, &mut again, threads).unwrap();
        assert_eq!(again, rows);
        canonical(&rows, &mut again, threads).unwrap();
        assert_eq!(again, rows);
        let mut found_keys = vec![0; n];
        keys(&rows, &mut found_keys, threads).unwrap();
        let (mut found_turns, mut checks) = (vec![7; n], vec![7; n]);
        turns(&rows, &mut found_turns, threads).unwrap();
        in_check(&rows, &mut checks, threads).unwrap();
        for (i, position) in positions.iter().enumerate() {
            assert_eq!(Ok(twins[i]), position.flipped().to_hcp());
            assert_eq!(Ok(packed[i]), position.to_packed_sfen());
            assert_eq!(texts[i], position.to_sfen());
            assert_eq!(found_keys[i], position.key());
            assert_eq!(found_turns[i], position.turn() as u8);
            assert_eq!(checks[i], u8::from(position.in_check()));
        }
    }
}

#[test]
fn compact_features_are_pieces_and_hands_as_the_side_to_move_sees_them() {
    use crate::piece::PieceType::*;
    let order = [
        Pawn, Lance, Knight, Silver, Gold, Bishop, Rook, King, ProPawn, ProLance, ProKnight,
        ProSilver, Horse, Dragon,
    ];
    let (positions, rows) = positions();
    let (mut ids, mut counts) = (vec![99; 81 * rows.len()], vec![99; 14 * rows.len()]);
    compact(&rows, &mut ids, &mut counts, 2).unwrap();
    let (mut same_ids, mut same_counts) = (vec![99; ids.len()], vec![99; counts.len()]);
    piece_ids(&rows, &mut same_ids, 1).unwrap();
    hands(&rows, &mut same_counts, 1).unwrap();
    assert!(same_ids == ids && same_counts == counts);
    for (i, position) in positions.iter().enumerate() {
        let us = position.turn();
        for square in crate::Square::all() {
            let seen = if us == Color::White { square.flip() } else { square };
            let expected = position.piece_on(square).map_or(0, |piece| {
                let id = order.iter().position(|kind| *kind == piece.piece_type()).unwrap() + 1;
                id as u8 + if piece.color() == us { 0 } else { 14 }
            });
            assert_eq!(ids[81 * i + seen.index()], expected);
        }
        let expected: Vec<u8> = [us, us.opponent()]
            .into_iter()
            .flat_map(|color| order[..7].iter().map(move |kind| (color, *kind)))
            .map(|(color, kind)| position.hand(color).count(kind))
            .collect();
        assert_eq!(counts[14 * i..14 * (i + 1)], expected);
    }
}

/// dlshogi's planes by their definition: square by square, piece by piece.
fn planes_by_definition(position: &Position) -> (Vec<f32>, Vec<f32>) {
    let us = position.turn();
    let mut first = vec![0.0; 62 * 81];
    let seen = |square: crate::Square| {
        if us == Color::White { square.flip().index() } else { square.index() }
    };
    let mut attackers = [[0; 81]; 2];
    for square in crate::Square::all() {
        let Some(piece) = position.piece_on(square) else { continue };
        let side = usize::from(piece.color() != us);
        let plane = 31 * side + piece.piece_type() as usize - 1;
        first[81 * plane + seen(square)] = 1.0;
        for attacked in position.attacks_from(square) {
            first[81 * (plane + 14) + seen(attacked)] = 1.0;
            attackers[side][seen(attacked)] += 1;
        }
    }
    for (side, attackers) in attackers.iter().enumerate() {
        for (square, &n) in attackers.iter().enumerate() {
            for at_least in 1..=n.min(3) {
                first[81 * (31 * side + 27 + at_least) + square] = 1.0;
            }
        }
    }
    let mut second = Vec::new();
    use crate::piece::PieceType::*;
    for color in [us, us.opponent()] {
        let kinds = [(Pawn, 8), (Lance, 4), (Knight, 4), (Silver, 4), (Gold, 4), (Bishop, 2)];
        for (kind, n_planes) in kinds.into_iter().chain([(Rook, 2)]) {
            for plane in 0..n_planes {
                second.extend([f32::from(position.hand(color).count(kind) > plane); 81]);
            }
        }
    }
    second.extend([f32::from(position.in_check()); 81]);
    (first, second)
}

#[test]
fn the_planes_of_dlshogi_are_those_of_their_definition() {
    let (mut positions, mut rows) = positions();
    // A hand of all pawns fills eight planes; there are 24 pieces in hand here.
    let many = "4k4/9/9/9/9/9/9/9/4K4 w 2R2B4G4S4N4L18P 1";
    positions.push(Position::from_sfen(many).unwrap());
    rows.push(positions[positions.len() - 1].to_hcp().unwrap());
    for (threads, rows, positions) in
        [(1, &rows[..700], &positions[..700]), (2, &rows[4_000..], &positions[4_000..])]
    {
        let mut first = vec![9.0; 62 * 81 * rows.len()];
        let mut second = vec![9.0; 57 * 81 * rows.len()];
        dlshogi(rows, &mut first, &mut second, threads).unwrap();
        let found = first.chunks(62 * 81).zip(second.chunks(57 * 81));
        for (position, (first, second)) in positions.iter().zip(found) {
            let expected = planes_by_definition(position);
            assert_eq!(first, expected.0, "{position:?}");
            assert_eq!(second, expected.1, "{position:?}");
        }
    }
}

#[test]
fn masks_and_labels_are_those_of_the_legal_moves() {
    let (positions, rows) = positions();
    for scheme in PolicyScheme::ALL {
        let mut masks = vec![7; scheme.n_labels() * rows.len()];
        legal_masks(&rows, scheme, &mut masks, 2).unwrap();
        // Each position as often as it has moves.
        let (mut all_rows, mut all_moves, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        let mut mask = vec![0; scheme.n_labels()];
        for (i, position) in positions.iter().enumerate() {
            position.legal_mask(scheme, &mut mask);
            assert_eq!(masks[scheme.n_labels() * i..][..scheme.n_labels()], mask);
            for &mv in position.legal_moves().iter().step_by(7) {
                all_rows.push(rows[i]);
                all_moves.push(mv.move16());
                expected.push(scheme.label(mv, position.turn()).unwrap() as i64);
            }
        }
        for threads in [1, 2] {
            for is_legal_only in [true, false] {
                let mut found = vec![-7; all_rows.len()];
                labels(&all_rows, &all_moves, scheme, is_legal_only, &mut found, threads).unwrap();
                assert_eq!(found, expected);
            }
            let mut found = vec![0; all_rows.len()];
            moves(&all_rows, &expected, scheme, &mut found, threads).unwrap();
            assert_eq!(found, all_moves);
        }
    }
}

#[test]
fn an_error_names_the_first_row_that_has_one() {
    let start = Position::startpos().to_hcp().unwrap();
    let mut rows = vec![start; 1_000];
    rows[437][0] = 81 << 1;
    rows[900] = [255; 32];
    for threads in [1, 2] {
        let error = check(&rows, threads).unwrap_err();
        assert_eq!(error.to_string(), "row 437: expected two kings, found none of Black");
        let mut out = vec![0; 1_000];
        assert_eq!(keys(&rows, &mut out, threads), Err(error));
    }
    let scheme = PolicyScheme::Labels1496;
    let mv = |usi| Move::from_usi(usi).unwrap().move16();
    let label = |bits, is_legal_only| {
        labels(&[start, start], &[mv("7g7f"), bits], scheme, is_legal_only, &mut [0; 2], 1)
            .map_err(|error| error.to_string())
    };
    let sfen = Position::startpos().to_sfen();
    assert_eq!(
        label(mv("7g7e"), true),
        Err(format!("row 1: expected a legal move, found `7g7e` in `{sfen}`"))
    );
    assert_eq!(label(mv("7g7e"), false), Ok(()));
    assert_eq!(
        label(mv("7g6e+"), false),
        Err("row 1: expected a move with one of 1496 labels, found Black's `7g6e+`".to_owned())
    );
    assert_eq!(label(0, false), Err("row 1: expected a 16-bit move, found `0`".to_owned()));
    let back = |label| {
        moves(&[start, start], &[53, label], scheme, &mut [0; 2], 1)
            .map_err(|error| error.to_string())
    };
    assert_eq!(back(53), Ok(()));
    assert_eq!(back(1496), Err("row 1: expected a label below 1496, found `1496`".to_owned()));
    assert_eq!(back(-1), Err("row 1: expected a label below 1496, found `-1`".to_owned()));
    assert_eq!(
        back(54),
        Err(format!("row 1: expected the label of a legal move, found `54` in `{sfen}`"))
    );
    let error = from_sfens(&["4k4/9/9/9/9/9/9/9/9 b - 1"], &mut [start], 1).unwrap_err();
    assert_eq!(error.to_string(), "row 0: expected two kings, found none of Black");
    let error = from_sfens(&[&sfen, "x"], &mut [start; 2], 1).unwrap_err();
    assert!(error.to_string().starts_with("row 1: column 1 of `x`: "), "{error}");
    // The rules hold, too.
    let checked = "4k4/4R4/9/9/9/9/9/9/4K4 w - 1";
    let mut hcp = Position::from_sfen(checked).unwrap().to_hcp().unwrap();
    hcp[0] ^= 1;
    let error = check(&[start, hcp], 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1: expected White to move, whose king is in check, found Black"
    );
}

/// Rows that nobody checked give results or errors, never a panic.
#[test]
fn any_bytes_are_results_or_errors() {
    use crate::testing::Random;
    let mut random = Random::new(43);
    let mut rows: Vec<Hcp> =
        (0..2_000).map(|_| std::array::from_fn(|_| random.below(256) as u8)).collect();
    for row in positions().1.iter().step_by(20) {
        for bit in (0..256).step_by(3) {
            let mut row = *row;
            row[bit / 8] ^= 1 << (bit % 8);
            rows.push(row);
        }
    }
    let (mut first, mut second) = (vec![0.0; 62 * 81], vec![0.0; 57 * 81]);
    let mut n_good = 0;
    for row in &rows {
        let row = std::slice::from_ref(row);
        let is_good = check(row, 1).is_ok();
        n_good += usize::from(is_good);
        let found = [
            keys(row, &mut [0], 1).is_ok(),
            in_check(row, &mut [0], 1).is_ok(),
            compact(row, &mut [0; 81], &mut [0; 14], 1).is_ok(),
            dlshogi(row, &mut first, &mut second, 1).is_ok(),
            legal_masks(row, PolicyScheme::Labels2187, &mut [0; 2187], 1).is_ok(),
            legal_masks(row, PolicyScheme::Labels1496, &mut [0; 1496], 1).is_ok(),
            packed_sfens(row, &mut [[0; 32]], 1).is_ok(),
            flip(row, &mut [[0; 32]], 1).is_ok(),
        ];
        // Whether the other side is in check is looked at by `check` alone.
        assert!(found.iter().all(|ok| *ok == found[0]) && found[0] >= is_good);
        assert_eq!(sfens(row, &mut [String::new()], 1).is_ok(), is_good);
        let label = moves(row, &[59], PolicyScheme::Labels2187, &mut [0], 1);
        assert!(label.is_err() || found[0]);
    }
    assert!(n_good > 1_000 && n_good < rows.len() / 2, "{n_good} of {}", rows.len());
}

#[test]
fn hands_in_another_order_are_told_and_written_anew() {
    let position = Position::from_sfen("4k4/9/9/9/9/9/9/9/4K4 b 2R2B4G4S4N4L18P 1").unwrap();
    let packed = position.to_packed_sfen().unwrap();
    // As YaneuraOu orders them, through the other form.
    let hcp = position.to_hcp().unwrap();
    let other = huffman::translate(&packed, &packed_sfen::TABLES, &hcp::TABLES, HandOrder::Gold7th)
        .unwrap();
    assert_ne!(other, hcp);
    assert_eq!(check(&[hcp, other], 1), Ok(false));
    let mut rows = [[0; 32]; 2];
    canonical(&[hcp, other], &mut rows, 1).unwrap();
    assert_eq!(rows, [hcp; 2]);
}

#[test]
fn games_are_replayed_from_their_starts() {
    let start = Position::startpos().to_sfen();
    let two = Setup::handicap(Handicap::Two).to_sfen();
    let mv = |usi| Move::from_usi(usi).unwrap().move16();
    let even = [mv("7g7f"), mv("3c3d"), mv("8h2b+")];
    let handicap = [mv("6a7b")];
    let games: Vec<Moves> = (0..50)
        .flat_map(|_| [(start.as_str(), &even[..]), (two.as_str(), &handicap[..]), ("", &[][..])])
        .collect();
    // A game without a start is no game.
    let error = replay(&games, 1).unwrap_err();
    assert!(error.to_string().starts_with("game 2: expected a start position, found ``"));
    let games: Vec<Moves> = games.into_iter().filter(|game| !game.0.is_empty()).collect();
    for threads in [1, 2] {
        let replayed = replay(&games, threads).unwrap();
        let mut found = vec![String::new(); 200];
        sfens(&replayed.rows, &mut found, threads).unwrap();
        assert_eq!(replayed.game_idx[..6], [0, 0, 0, 1, 2, 2]);
        assert_eq!(replayed.plies[..6], [0, 1, 2, 0, 0, 1]);
        assert_eq!(replayed.moves[..5], [even[0], even[1], even[2], handicap[0], even[0]]);
        for found in found.chunks(4) {
            assert_eq!(found[0], start);
            assert!(found[1].starts_with("lnsgkgsnl/1r5b1/ppppppppp/9/9/2P6/PP1"));
            assert!(found[2].starts_with("lnsgkgsnl/1r5b1/pppppp1pp/6p2/9/2P6/PP1"));
            assert_eq!(found[3], two);
        }
        let broken = [games[0], (&start, &[even[0], even[0]])];
        let error = replay(&broken, threads).unwrap_err();
        assert_eq!(error.to_string(), "game 1: expected a legal move at ply 1, found `7g7f`");
    }
}
