//! Keeping the number of segments small, and free of files that are gone.

use std::ops::Range;
use std::path::Path;

use maou_io::{Result, TableFile};

use crate::build::is_same;
use crate::list::List;
use crate::segment::{Dictionary, ENDING_SHIFT, IS_VARIATION, NO_DATE, Segment, SegmentFile};
use crate::segment_writer::{NewGame, SegmentWriter};

/// Segments at most; the newest are merged beyond that.
const MAX_SEGMENTS: usize = 8;

/// A segment is merged with the newer ones unless it is so many times as large.
const RATIO: u64 = 4;

/// Positions of a merged segment at most.
const MAX_POSITIONS: u64 = 4_000_000_000;

/// Where each file of the dataset stands: in which segment, and as which of its files. The newest
/// segment counts.
pub(crate) fn placed(segments: &[Segment], files: &[TableFile]) -> Vec<Option<(usize, usize)>> {
    files
        .iter()
        .map(|file| {
            segments.iter().enumerate().rev().find_map(|(index, segment)| {
                let held = segment.meta.files.iter().position(|held| is_same(held, file))?;
                Some((index, held))
            })
        })
        .collect()
}

/// Merges segments where it is time to, and drops those of which nothing is needed. The order of
/// the segments stays that of their age.
pub(crate) fn tidy(
    dir: &Path,
    mend: &str,
    segments: Vec<Segment>,
    files: &[TableFile],
    list: &mut List,
) -> Result<Vec<Segment>> {
    let places = placed(&segments, files);
    let mut live = vec![0_u64; segments.len()];
    for (segment, file) in places.iter().flatten() {
        live[*segment] += u64::from(segments[*segment].meta.files[*file].n_positions);
    }
    let is_needed: Vec<bool> = (0..segments.len())
        .map(|segment| places.iter().flatten().any(|(at, _)| *at == segment))
        .collect();
    let merged = chosen(&live, &is_needed, &segments);
    let mut kept: Vec<Segment> = Vec::new();
    let mut sources: Vec<Option<Segment>> = Vec::new();
    for (index, segment) in segments.into_iter().enumerate() {
        match merged.contains(&index) {
            true => sources.push(Some(segment)),
            false if is_needed[index] => {
                kept.push(segment);
                sources.push(None);
            }
            false => sources.push(None),
        }
    }
    if !merged.is_empty() {
        let parts: Vec<(usize, usize)> =
            places.into_iter().flatten().filter(|(at, _)| merged.contains(at)).collect();
        let name = list.next_name();
        merge(dir, &name, &sources, &parts)?;
        kept.push(Segment::open(dir, &name, mend)?);
    }
    Ok(kept)
}

/// Which segments become one.
fn chosen(live: &[u64], is_needed: &[bool], segments: &[Segment]) -> Vec<usize> {
    let needed: Vec<usize> = (0..live.len()).filter(|index| is_needed[*index]).collect();
    let mut merged: Vec<usize> = Vec::new();
    let mut total = 0;
    // The newest first.
    for (n_kept, index) in needed.iter().enumerate().rev() {
        let is_too_many = n_kept + 1 >= MAX_SEGMENTS;
        let is_small = live[*index] < RATIO * total;
        if !(merged.is_empty() || is_small || is_too_many) {
            break;
        }
        if total + live[*index] > MAX_POSITIONS {
            break;
        }
        total += live[*index];
        merged.push(*index);
    }
    let n_all = |index: usize| u64::from(segments[index].meta.n_positions);
    if merged.len() < 2 {
        merged.clear();
    }
    // A quarter of it gone is worth writing it again.
    for index in &needed {
        let is_hollow = live[*index] * 4 < n_all(*index) * 3;
        if is_hollow && !merged.contains(index) && total + live[*index] <= MAX_POSITIONS {
            total += live[*index];
            merged.push(*index);
        }
    }
    merged.sort_unstable();
    merged
}

/// Where the positions of a segment's file were, and where they go.
struct Move {
    from: Range<u32>,
    to: u32,
}

/// Writes one segment of these files of others, which are in the order of the dataset.
fn merge(
    dir: &Path,
    name: &str,
    sources: &[Option<Segment>],
    parts: &[(usize, usize)],
) -> Result<()> {
    let mut writer = SegmentWriter::new(dir);
    let mut moves: Vec<Vec<Move>> = sources.iter().map(|_| Vec::new()).collect();
    for (source, file) in parts {
        let segment = sources[*source].as_ref().expect("a part of what is merged");
        let file = &segment.meta.files[*file];
        let from = file.first_position..file.first_position + file.n_positions;
        moves[*source].push(Move { from, to: writer.n_positions() });
        copy_file(&mut writer, segment, file)?;
    }
    moves.iter_mut().for_each(|moves| moves.sort_unstable_by_key(|part| part.from.start));
    let mut keys = writer.into_keys()?;
    let segments: Vec<(&Segment, &[Move])> = sources
        .iter()
        .zip(&moves)
        .filter_map(|(segment, moves)| Some((segment.as_ref()?, &moves[..])))
        .collect();
    let mut cursors: Vec<_> = segments.iter().map(|(segment, _)| segment.keys()).collect();
    let mut heads = cursors.iter_mut().map(|keys| keys.next()).collect::<Result<Vec<_>>>()?;
    let mut positions = Vec::new();
    while let Some(key) = heads.iter().flatten().map(|(key, _)| *key).min() {
        positions.clear();
        for (index, (segment, moves)) in segments.iter().enumerate() {
            let Some((_, places)) = heads[index].take_if(|(found, _)| *found == key) else {
                continue;
            };
            for place in places {
                let position = segment.posting(place)?;
                let at = moves.partition_point(|part| part.from.end <= position);
                if let Some(part) = moves.get(at).filter(|part| part.from.contains(&position)) {
                    positions.push(part.to + (position - part.from.start));
                }
            }
            heads[index] = cursors[index].next()?;
        }
        if !positions.is_empty() {
            positions.sort_unstable();
            keys.add_key(key)?;
            positions.iter().try_for_each(|position| keys.add_position(*position))?;
        }
    }
    keys.finish(&dir.join(name))?;
    Ok(())
}

fn copy_file(writer: &mut SegmentWriter, segment: &Segment, file: &SegmentFile) -> Result<()> {
    writer.start_file(file.clone());
    let rows = file.first_row..file.first_row + file.n_rows;
    if !file.is_games {
        let first = file.first_position;
        /// Positions that are copied at once.
        const STEP: u32 = 1 << 16;
        let mut done = 0;
        while done < file.n_rows {
            let n = STEP.min(file.n_rows - done);
            let (rows, at) = (rows.start + done, first + done);
            writer.add_loose(
                segment.moves(at..at + n)?,
                segment.evals(at..at + n)?,
                segment.loose_results(rows..rows + n)?,
                segment.loose_numbers(rows..rows + n)?,
            )?;
            done += n;
        }
        return Ok(());
    }
    for game in rows {
        let positions = segment.positions_of(game)?;
        let one = game..game + 1;
        let outcome = segment.outcome_at(game)?;
        let ending = outcome >> ENDING_SHIFT & 31;
        let rating = |value: f64| (!value.is_nan()).then_some(value);
        let text = |dictionary, codes: &[u32]| segment.text(dictionary, codes[0]);
        let date = segment.dates(one.clone())?[0];
        let new = NewGame {
            id: segment.id_at(game)?,
            is_variation: outcome & IS_VARIATION != 0,
            start: text(Dictionary::Starts, segment.starts(one.clone())?)?,
            result: outcome & 3,
            ending: segment.text(Dictionary::Endings, ending.into())?,
            black: text(Dictionary::Players, segment.blacks(one.clone())?)?,
            white: text(Dictionary::Players, segment.whites(one.clone())?)?,
            event: text(Dictionary::Events, segment.events(one.clone())?)?,
            black_rating: rating(segment.black_ratings(one.clone())?[0]),
            white_rating: rating(segment.white_ratings(one)?[0]),
            date: (date != NO_DATE).then_some(date),
        };
        let moves = positions.start..positions.end - 1;
        writer.add_game(&new, segment.moves(moves.clone())?, segment.evals(moves)?)?;
    }
    Ok(())
}
