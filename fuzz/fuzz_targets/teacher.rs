//! Positions and games that networks learn from: what is read of any bytes is written as the same
//! bytes where the record says so, and gives the same when it is read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maou_shogi::Position;
use maou_shogi::record::GameRecord;
use maou_shogi::teacher::{
    GameLen, HCPE_BYTES, HCPE3_HEADER_BYTES, Hcpe, Hcpe3Game, PSV_BYTES, TrainingPosition,
    hcpe3_game_len,
};

fuzz_target!(|data: &[u8]| {
    if let Some(packed) = data.first_chunk::<32>()
        && let Ok(position) = Position::from_packed_sfen(packed)
    {
        let again = position.to_packed_sfen().unwrap();
        assert_eq!(Position::from_packed_sfen(&again).as_ref(), Ok(&position));
        assert_eq!(Position::from_hcp(&position.to_hcp().unwrap()), Ok(position));
    }
    for record in data.chunks_exact(HCPE_BYTES).take(16) {
        let record = record.first_chunk().expect("chunks are of this size");
        for format in [Hcpe::One, Hcpe::Two] {
            check_hcpe(record, format);
        }
    }
    for record in data.chunks_exact(PSV_BYTES).take(16) {
        check_psv(record.first_chunk().expect("chunks are of this size"));
    }
    check_hcpe3(data);
});

fn check_hcpe(record: &[u8; HCPE_BYTES], format: Hcpe) {
    let Ok(read) = TrainingPosition::from_hcpe(record, format) else { return };
    let again = read.to_hcpe(format).unwrap();
    // Hands in another order, and padding, are all that can be lost.
    assert_eq!(again == *record, read.is_exact, "{record:02x?}");
    let expected = TrainingPosition { is_exact: true, ..read };
    assert_eq!(TrainingPosition::from_hcpe(&again, format), Ok(expected));
    check_position(&read);
    // By way of PSV come position, move, eval and result.
    let psv = TrainingPosition::from_psv(&read.to_psv().unwrap()).unwrap();
    assert_eq!(
        (psv.hcp, psv.mv, psv.eval, psv.result),
        (read.hcp, read.mv, read.eval, read.result)
    );
    let back = psv.to_hcpe(Hcpe::One).unwrap();
    assert_eq!(back, read.to_hcpe(Hcpe::One).unwrap());
}

fn check_psv(record: &[u8; PSV_BYTES]) {
    let Ok(read) = TrainingPosition::from_psv(record) else { return };
    let again = read.to_psv().unwrap();
    assert_eq!(again == *record, read.is_exact, "{record:02x?}");
    let expected = TrainingPosition { is_exact: true, ..read };
    assert_eq!(TrainingPosition::from_psv(&again), Ok(expected));
    check_position(&read);
}

fn check_position(read: &TrainingPosition) {
    let position = Position::from_hcp(&read.hcp).unwrap();
    assert_eq!((position.key(), position.turn()), (read.key, read.turn()));
    assert!(position.is_legal(read.mv));
    assert_eq!(TrainingPosition::check(&read.hcp, read.key, read.mv.move16()), Ok(()));
}

fn check_hcpe3(data: &[u8]) {
    let mut game = Hcpe3Game::default();
    // Also what no walk over the structure has passed.
    check_game(&mut game, data);
    let mut rest = data;
    while let GameLen::Whole(len) = hcpe3_game_len(rest) {
        assert!((HCPE3_HEADER_BYTES..=rest.len()).contains(&len));
        check_game(&mut game, &rest[..len]);
        rest = &rest[len..];
    }
    match hcpe3_game_len(rest) {
        GameLen::Truncated(n_wanted) => assert!(n_wanted > rest.len()),
        GameLen::Implausible(at) => assert!(at + 2 <= rest.len()),
        GameLen::Whole(_) => unreachable!("the loop goes on while there are whole games"),
    }
}

fn check_game(game: &mut Hcpe3Game, bytes: &[u8]) {
    if let Err((error, is_kept)) = game.read(bytes) {
        assert!(error.offset <= bytes.len() && !game.is_exact | !is_kept, "{error:?}");
        if !is_kept {
            return;
        }
    }
    assert_eq!(game.moves.len(), game.n_candidates.len());
    assert_eq!(game.moves.len(), game.evals_raw.len());
    assert_eq!(game.candidates.len(), game.visits.len());
    let mut record = GameRecord::default();
    game.to_record(&mut record);
    record.check().unwrap();
    let mut written = Vec::new();
    if game.write(&mut written).is_err() {
        assert!(written.is_empty() && !game.is_exact);
        return;
    }
    assert_eq!(hcpe3_game_len(&written), GameLen::Whole(written.len()));
    if game.is_exact {
        assert_eq!(written, bytes[..written.len()]);
    }
    let mut again = Hcpe3Game::default();
    again.read(&written).unwrap();
    assert_eq!(again, Hcpe3Game { is_exact: true, ..game.clone() });
}
