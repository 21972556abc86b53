//! Batches of rows in memory, against rows taken one by one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use maou_shogi::{Color, Move, PolicyScheme, Position};

use super::chunk::{Choice, Chunk, Row};
use super::*;
use crate::error::Result;

/// Positions of one random game after the other, as the side to move sees them, with what a row
/// of a training set has.
pub(super) fn made(n: usize, chunk_rows: usize) -> TrainingRows {
    let mut state = 1_u64;
    let mut random = |n: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut position = Position::startpos();
    for i in 0..n {
        let moves = position.legal_moves();
        if moves.is_empty() || i % 80 == 79 {
            position = Position::startpos();
        }
        let moves = position.legal_moves();
        if i % chunk_rows == 0 {
            chunks.push(Chunk::default());
        }
        let chunk = chunks.last_mut().unwrap();
        let seen = |mv: Move| if position.turn() == Color::White { mv.flip() } else { mv };
        let mut chosen: Vec<u16> =
            (0..i % 4).map(|_| seen(moves[random(moves.len())]).move16()).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let moves_start = chunk.choices.len() as u32;
        let share = 1.0 / chosen.len() as f32;
        chunk.choices.extend(chosen.iter().map(|&mv| Choice { mv, share }));
        let seen_position = match position.turn() {
            Color::Black => position.clone(),
            Color::White => position.flipped(),
        };
        chunk.rows.push(Row {
            position: seen_position.to_hcp().unwrap(),
            key: 16 * i as u64 + 8,
            n: 1 + (i % 3) as u32,
            weight: 0.25 * (i % 5) as f32,
            score: if i % 7 == 0 { f32::NAN } else { (i % 3) as f32 / 2.0 },
            eval_cp: if i % 5 == 0 { f32::NAN } else { i as f32 - 500.0 },
            moves_start,
            n_moves: chosen.len() as u16,
            ply: (i % 300) as u16,
        });
        let mv = moves[random(moves.len())];
        position.make(mv);
    }
    TrainingRows::of_chunks(chunks)
}

/// What a consumer sees of a batch, by field.
type Seen = HashMap<&'static str, Vec<u8>>;

fn seen(lease: &Lease, layout: &Layout) -> Seen {
    // SAFETY: the memory is the lease's, and nobody writes to it as long as that lives.
    let bytes = |(start, len): (*mut u8, usize)| unsafe { std::slice::from_raw_parts(start, len) };
    let mut fields = Seen::new();
    for field in &layout.fields {
        let len = layout.n_rows * field.width() * field.number.size();
        fields.insert(field.name, bytes(lease.main())[field.offset..field.offset + len].to_vec());
    }
    for ((name, number), offset) in COO_FIELDS.into_iter().zip(lease.coo_offsets()) {
        let len = lease.n_choices() * number.size();
        fields.insert(name, bytes(lease.coo())[offset..offset + len].to_vec());
    }
    fields
}

fn take(loader: &Loader) -> Result<Option<Lease>> {
    loop {
        match loader.next(Duration::from_secs(60))? {
            Next::Batch(lease) => return Ok(Some(lease)),
            Next::End => return Ok(None),
            Next::Later => {}
        }
    }
}

/// All batches from one on.
fn run(rows: &Arc<TrainingRows>, options: &LoaderOptions, epoch: u64, step: u64) -> Vec<Seen> {
    let mut loader = Loader::new(rows.clone(), options.clone()).unwrap();
    loader.seek(epoch, step).unwrap();
    rest(&loader)
}

fn rest(loader: &Loader) -> Vec<Seen> {
    let mut all = Vec::new();
    while let Some(lease) = take(loader).unwrap() {
        all.push(seen(&lease, loader.layout()));
    }
    all
}

fn numbers(seen: &Seen) -> Vec<u64> {
    let weights: Vec<f32> = f32s(&seen["weight"]);
    let all = seen["row"].as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    all.zip(weights).filter(|(_, weight)| *weight > 0.0).map(|(number, _)| number).collect()
}

fn f32s(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn batches_are_the_rows_in_the_order_of_the_epoch() {
    let rows = Arc::new(made(700, 64));
    for (features, policy, scheme) in [
        (Some(Features::Compact), Some(PolicyForm::Sparse), PolicyScheme::Labels2187),
        (Some(Features::Dlshogi), Some(PolicyForm::Dense), PolicyScheme::Labels1496),
        (None, None, PolicyScheme::Labels2187),
    ] {
        let options = LoaderOptions {
            batch_size: 48,
            window: 3,
            features,
            policy,
            scheme,
            legal_mask: features.is_some(),
            seed: 9,
            threads: 2,
            ..Default::default()
        };
        let order = order::EpochOrder::new(&rows.chunk_rows, &options, 2);
        let mut places = (0..order.n_groups()).flat_map(|group| {
            let chunks = order.chunks(group).to_vec();
            order.rows(group, &rows.chunk_rows).into_iter().map(move |at| {
                (chunks[(at >> order::ROW_BITS) as usize] as usize, (at & 0xFFFF) as usize)
            })
        });
        let batches = run(&rows, &options, 2, 0);
        assert_eq!(batches.len(), 700_usize.div_ceil(48));
        let n = scheme.n_labels();
        let mut last = None;
        for batch in &batches {
            let (mut policy_rows, mut labels, mut shares) = (Vec::new(), Vec::new(), Vec::new());
            for i in 0..48 {
                let at = places.next();
                let is_real = at.is_some();
                let (chunk, row) = at.or(last).unwrap();
                last = Some((chunk, row));
                let number = 64 * chunk + row;
                let found = &rows.made[chunk].rows[row];
                let at = |name: &str, width: usize| &batch[name][i * width..(i + 1) * width];
                assert_eq!(at("row", 8), (number as u64).to_le_bytes());
                assert_eq!(at("key", 8), found.key.to_le_bytes());
                assert_eq!(at("n", 4), found.n.to_le_bytes());
                assert_eq!(at("ply", 2), found.ply.to_le_bytes());
                assert_eq!(at("weight", 4), f32::from(is_real).to_le_bytes());
                let (value, is_known) =
                    if number % 7 == 0 { (0.5, 0.0) } else { ((number % 3) as f32 / 2.0, 1.0) };
                assert_eq!(at("value", 4), f32::to_le_bytes(value));
                assert_eq!(at("value_weight", 4), f32::to_le_bytes(is_known));
                let (eval_cp, is_known) =
                    if number % 5 == 0 { (0.0, 0.0) } else { (number as f32 - 500.0, 1.0) };
                assert_eq!(at("eval_cp", 4), f32::to_le_bytes(eval_cp));
                assert_eq!(at("eval_weight", 4), f32::to_le_bytes(is_known));
                let position = Position::from_hcp(&found.position).unwrap();
                if features.is_some() {
                    let mut mask = vec![0; n];
                    position.legal_mask(scheme, &mut mask);
                    assert_eq!(at("legal", n), mask);
                }
                if features == Some(Features::Compact) {
                    let (mut board, mut hand) = ([0; 81], [0; 14]);
                    maou_shogi::batch::compact(&[found.position], &mut board, &mut hand, 1)
                        .unwrap();
                    assert_eq!((at("board", 81), at("hand", 14)), (&board[..], &hand[..]));
                }
                if features == Some(Features::Dlshogi) {
                    let (mut first, mut second) = (vec![0.0; 62 * 81], vec![0.0; 57 * 81]);
                    maou_shogi::batch::dlshogi(&[found.position], &mut first, &mut second, 1)
                        .unwrap();
                    assert_eq!(f32s(at("input1", 4 * 62 * 81)), first);
                    assert_eq!(f32s(at("input2", 4 * 57 * 81)), second);
                }
                let mut dense = vec![0.0; n];
                for choice in rows.made[chunk].moves_of(found) {
                    let mv = Move::from_move16(choice.mv).unwrap();
                    let label = scheme.label(mv, Color::Black).unwrap();
                    dense[label] = choice.share;
                    policy_rows.push(i as i64);
                    labels.push(label as i64);
                    shares.push(choice.share);
                }
                if policy == Some(PolicyForm::Dense) {
                    assert_eq!(f32s(at("policy", 4 * n)), dense);
                }
            }
            if policy == Some(PolicyForm::Sparse) {
                let bytes = |values: &[i64]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
                let expected: [Vec<u8>; 2] = [bytes(&policy_rows), bytes(&labels)];
                assert_eq!(
                    [&batch["policy_rows"], &batch["policy_labels"]],
                    [&expected[0], &expected[1]]
                );
                assert_eq!(f32s(&batch["policy_weights"]), shares);
            }
        }
        assert_eq!(places.next(), None);
    }
}

#[test]
fn threads_change_nothing_and_every_batch_can_be_the_first() {
    let rows = Arc::new(made(500, 32));
    let options = LoaderOptions { batch_size: 37, window: 4, threads: 1, ..Default::default() };
    let whole = run(&rows, &options, 1, 0);
    for threads in [2, 5] {
        for prefetch in [1, 3] {
            let options = LoaderOptions { threads, prefetch, ..options.clone() };
            assert!(run(&rows, &options, 1, 0) == whole, "{threads} threads");
        }
    }
    let mut loader = Loader::new(rows, options).unwrap();
    // Back and forth, with batches of earlier places still in the making.
    for step in (0..whole.len()).rev().chain([3]) {
        loader.seek(1, step as u64).unwrap();
        let first = take(&loader).unwrap().unwrap();
        assert!(seen(&first, loader.layout()) == whole[step]);
    }
    loader.seek(1, whole.len() as u64).unwrap();
    assert!(take(&loader).unwrap().is_none());
    loader.seek(1, 5).unwrap();
    assert!(rest(&loader) == whole[5..]);
}

#[test]
fn every_row_comes_once_an_epoch_over_all_ranks() {
    for n in [1, 63, 64, 200, 257] {
        let rows = Arc::new(made(n, 50));
        for world_size in 1..=4 {
            for drop_last in [false, true] {
                let options = |rank| LoaderOptions {
                    batch_size: 16,
                    window: 2,
                    rank,
                    world_size,
                    drop_last,
                    threads: 2,
                    features: None,
                    ..Default::default()
                };
                if drop_last && n < 16 * world_size {
                    assert!(Loader::new(rows.clone(), options(0)).is_err());
                    continue;
                }
                let of_rank: Vec<_> =
                    (0..world_size).map(|rank| run(&rows, &options(rank), 0, 0)).collect();
                assert!(of_rank.iter().all(|batches| batches.len() == of_rank[0].len()));
                let mut found: Vec<u64> = of_rank.iter().flatten().flat_map(numbers).collect();
                found.sort_unstable();
                found.dedup();
                let n_steps = of_rank[0].len();
                let expected = if drop_last { n_steps * 16 * world_size } else { n };
                assert_eq!(found.len(), expected, "{n} rows, {world_size} ranks");
                assert!(of_rank.iter().flatten().all(|batch| batch["row"].len() == 8 * 16));
            }
        }
    }
}

#[test]
fn a_batch_stays_as_it_is_for_as_long_as_it_is_kept() {
    let rows = Arc::new(made(400, 100));
    let options = LoaderOptions { batch_size: 16, threads: 2, ..Default::default() };
    let expected = run(&rows, &options, 0, 0);
    let mut loader = Loader::new(rows, options).unwrap();
    loader.seek(0, 0).unwrap();
    let layout = loader.layout().clone();
    let mut kept = Vec::new();
    while let Some(lease) = take(&loader).unwrap() {
        kept.push(lease);
    }
    loader.close();
    drop(loader);
    let found: Vec<_> = kept.iter().map(|lease| seen(lease, &layout)).collect();
    assert!(found == expected);
}

#[test]
fn buffers_are_used_again() {
    let rows = Arc::new(made(400, 100));
    let options = LoaderOptions { batch_size: 16, threads: 2, ..Default::default() };
    let mut loader = Loader::new(rows, options).unwrap();
    let n_buffers = loader.n_buffers();
    for epoch in 0..3 {
        loader.seek(epoch, 0).unwrap();
        let mut starts = Vec::new();
        while let Some(lease) = take(&loader).unwrap() {
            starts.push(lease.main().0 as usize);
        }
        starts.sort_unstable();
        starts.dedup();
        assert!(starts.len() <= n_buffers, "{} of {n_buffers}", starts.len());
    }
}

#[test]
fn a_policy_with_many_moves_gets_the_room_that_it_needs() {
    let mut rows = made(64, 64);
    let moves = Position::startpos().legal_moves();
    let chunk = &mut rows.made[0];
    let start = Position::startpos().to_hcp().unwrap();
    for row in &mut chunk.rows {
        row.position = start;
        row.moves_start = chunk.choices.len() as u32;
        row.n_moves = moves.len() as u16;
        let share = 1.0 / moves.len() as f32;
        chunk.choices.extend(moves.iter().map(|mv| Choice { mv: mv.move16(), share }));
    }
    let options = LoaderOptions { batch_size: 32, threads: 1, ..Default::default() };
    for batch in run(&Arc::new(rows), &options, 0, 0) {
        assert_eq!(batch["policy_labels"].len(), 8 * 32 * 30);
        assert_eq!(f32s(&batch["policy_weights"]).iter().sum::<f32>().round(), 32.0);
    }
}

#[test]
fn rows_that_cannot_be_end_the_batches_with_a_sentence() {
    let check = |change: &dyn Fn(&mut TrainingRows), scheme, broken: u64, message: &str| {
        let mut rows = made(64, 64);
        change(&mut rows);
        let options = LoaderOptions { batch_size: 16, threads: 2, scheme, ..Default::default() };
        let mut loader = Loader::new(Arc::new(rows), options).unwrap();
        loader.seek(0, 0).unwrap();
        let error = loop {
            match take(&loader) {
                Ok(found) => {
                    let batch = seen(&found.expect("an error before the end"), loader.layout());
                    assert!(!numbers(&batch).contains(&broken));
                }
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains(message), "{error}");
        assert!(error.contains("maou prepare"), "{error}");
        let again = take(&loader).err().expect("no batches after an error").to_string();
        assert_eq!(again, "these batches ended with an error; make new ones");
        // The rest may be fine: other batches can be asked for, and the same one fails again.
        loader.seek(0, 0).unwrap();
        assert!((0..4).any(|_| take(&loader).is_err()));
    };
    check(
        &|rows| rows.made[0].rows[9].position[3..].fill(0xFF),
        PolicyScheme::Labels2187,
        9,
        "row 9: expected",
    );
    let odd = |rows: &mut TrainingRows| {
        let chunk = &mut rows.made[0];
        chunk.rows[7].moves_start = chunk.choices.len() as u32;
        chunk.rows[7].n_moves = 1;
        // A pawn dropped where it could not move again.
        let mv = Move::from_usi("P*1a").unwrap().move16();
        chunk.choices.push(Choice { mv, share: 1.0 });
    };
    check(
        &odd,
        PolicyScheme::Labels1496,
        7,
        "row 7: expected a move with one of 1496 labels, found `P*1a` in `",
    );
}

#[test]
fn keys_are_found_by_halves() {
    let rows = made(1_000, 64);
    let mut keys: Vec<u64> = (0..16_100).rev().collect();
    keys.push(u64::MAX);
    let mut found = vec![7; keys.len()];
    rows.contains(&keys, false, &mut found, &mut || true).unwrap();
    for (key, found) in keys.iter().zip(&found) {
        let is_there = key & !1 < 16_000 && (key & !1) % 16 == 8;
        assert_eq!(*found == 1, is_there, "{key}");
    }
    let mut none = [7; 2];
    let no_rows = TrainingRows::of_chunks(Vec::new());
    no_rows.contains(&[8, 9], true, &mut none, &mut || true).unwrap();
    assert_eq!(none, [0, 0]);
}
