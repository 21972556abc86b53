//! SFEN, USI moves, HCP and 16-bit moves: what is read is written back, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maou_shogi::{Move, Position, Setup};

fuzz_target!(|data: &[u8]| {
    if let Some(hcp) = data.first_chunk::<32>()
        && let Ok(position) = Position::from_hcp(hcp)
    {
        assert_eq!(&position.to_hcp().unwrap(), hcp, "{}", position.to_sfen());
        check(&position);
    }
    if let Some(bytes) = data.first_chunk::<2>() {
        let bits = u16::from_le_bytes(*bytes);
        if let Some(mv) = Move::from_move16(bits) {
            assert_eq!(mv.move16(), bits);
            assert_eq!(Move::from_usi(&mv.to_usi()), Ok(mv));
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(mv) = Move::from_usi(text) {
        assert_eq!(mv.to_usi(), text);
    }
    if let Ok(setup) = Setup::from_sfen(text) {
        assert_eq!(Setup::from_sfen(&setup.to_sfen()), Ok(setup));
    }
    if let Ok(position) = Position::from_sfen(text) {
        assert_eq!(Position::from_sfen(&position.to_sfen()).unwrap(), position);
        check(&position);
    }
});

/// The laws that every position obeys.
fn check(position: &Position) {
    let moves = position.legal_moves();
    assert_eq!(moves.len(), position.count_legal_moves());
    let mut other = position.clone();
    for mv in moves.iter() {
        assert!(position.is_legal(*mv));
        let undo = other.make(*mv);
        other.undo(*mv, undo);
        assert_eq!(&other, position);
    }
}
