//! Prints positions with their HCP bytes, key and legal moves, for comparison with other programs.
//!
//! With a number, that many positions of random games; otherwise the SFENs of standard input.
//! Columns, by tabs: canonical SFEN, HCP in hexadecimal (`-` without both kings), key in
//! hexadecimal, whether the side to move is in check, and the legal moves, sorted.
//!
//! `cargo run --example legal_moves -- 1000 > positions.tsv`

use std::io::{self, BufWriter, Write};

use maou_shogi::{Handicap, Position, Setup};

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match std::env::args().nth(1).map(|arg| arg.parse()) {
        Some(Ok(n_positions)) => random_positions(n_positions, &mut out),
        Some(Err(error)) => {
            Err(io::Error::other(format!("expected a number of positions: {error}")))
        }
        None => io::stdin().lines().try_for_each(|line| {
            let position = Position::from_sfen(&line?).map_err(io::Error::other)?;
            print(&position, &mut out)
        }),
    }
}

fn random_positions(n_positions: usize, out: &mut impl Write) -> io::Result<()> {
    let mut state = 1u64;
    let mut random = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % n
    };
    let mut n_printed = 0;
    for round in 0.. {
        let handicap = Handicap::ALL[if round % 3 == 0 { random(16) } else { 0 }];
        let mut position =
            Position::from_setup(&Setup::handicap(handicap)).expect("handicaps are legal");
        for _ in 0..300 {
            if n_printed == n_positions {
                return Ok(());
            }
            if random(8) == 0 {
                print(&position, out)?;
                n_printed += 1;
            }
            let moves = position.legal_moves();
            if moves.is_empty() {
                break;
            }
            // Checks and captures more often than chance, so that kings get into trouble.
            let mut mv = moves[random(moves.len())];
            for _ in 0..round % 6 {
                let mut next = position.clone();
                next.make(mv);
                if next.in_check() || position.piece_on(mv.to()).is_some() {
                    break;
                }
                mv = moves[random(moves.len())];
            }
            position.make(mv);
        }
    }
    Ok(())
}

fn print(position: &Position, out: &mut impl Write) -> io::Result<()> {
    let hcp = match position.to_hcp() {
        Ok(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(_) => "-".to_owned(),
    };
    let mut moves: Vec<String> = position.legal_moves().iter().map(|mv| mv.to_usi()).collect();
    moves.sort();
    writeln!(
        out,
        "{}\t{hcp}\t{:016x}\t{}\t{}",
        position.to_sfen(),
        position.key(),
        u8::from(position.in_check()),
        moves.join(" ")
    )
}
