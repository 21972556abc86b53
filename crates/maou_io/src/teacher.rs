//! Files of teacher records: told by their content, read into games or loose positions.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use maou_shogi::record::GameRecord;
use maou_shogi::teacher::{
    FLAG_GOLD_7TH, GameLen, HCPE_BYTES, HCPE3_HEADER_BYTES, Hcpe, Hcpe3Game, PSV_BYTES,
    TeacherError, TeacherErrorKind, TrainingPosition, hcpe3_game_len,
};
use serde::{Deserialize, Serialize};

use crate::agreement::Agreement;
use crate::columns::Columns;
use crate::positions::PositionColumns;
use crate::report::ErrorEntry;

/// A binary format of records that networks learn from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeacherFormat {
    /// Positions of 38 bytes: dlshogi, cshogi, Apery.
    Hcpe,
    /// The same with flags beside the result.
    Hcpe2,
    /// Games with the candidates of the search: dlshogi.
    Hcpe3,
    /// Positions of 40 bytes, `PackedSfenValue`: YaneuraOu and its relatives.
    Psv,
}

impl TeacherFormat {
    /// All of them.
    pub const ALL: [TeacherFormat; 4] =
        [TeacherFormat::Hcpe, TeacherFormat::Hcpe2, TeacherFormat::Hcpe3, TeacherFormat::Psv];

    /// The name, as in `--from hcpe` and in `sources.feather`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TeacherFormat::Hcpe => "hcpe",
            TeacherFormat::Hcpe2 => "hcpe2",
            TeacherFormat::Hcpe3 => "hcpe3",
            TeacherFormat::Psv => "psv",
        }
    }

    /// Whether its records are loose positions, and not games.
    pub const fn is_loose(self) -> bool {
        !matches!(self, TeacherFormat::Hcpe3)
    }

    /// Bytes of a record, if all are of the same size.
    pub(crate) const fn record_bytes(self) -> Option<usize> {
        match self {
            TeacherFormat::Hcpe | TeacherFormat::Hcpe2 => Some(HCPE_BYTES),
            TeacherFormat::Psv => Some(PSV_BYTES),
            TeacherFormat::Hcpe3 => None,
        }
    }
}

impl fmt::Display for TeacherFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TeacherFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<TeacherFormat, String> {
        let found = TeacherFormat::ALL.into_iter().find(|format| format.as_str() == name);
        found.ok_or_else(|| format!("format: expected hcpe, hcpe2, hcpe3 or psv, found `{name}`"))
    }
}

/// How a source is to be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum As {
    /// As one of 38 bytes, with flags or without: what it is shows at its end.
    Hcpe1Or2,
    /// As what was asked for, or was found.
    Format(TeacherFormat),
}

impl As {
    pub(crate) fn record_bytes(self) -> Option<usize> {
        match self {
            As::Hcpe1Or2 => Some(HCPE_BYTES),
            As::Format(format) => format.record_bytes(),
        }
    }
}

/// How many bytes from the front of a file tell what it is.
pub(crate) const HEAD_BYTES: usize = 1 << 16;

/// How many records or games are looked at.
const N_LOOKED_AT: usize = 64;

/// Tells whether a file that begins with `head`, its first [`HEAD_BYTES`] or all of it, is one of
/// teacher records, and of which.
///
/// # Errors
/// If it may be of two formats; the text says what to do.
pub(crate) fn detect(head: &[u8]) -> Result<Option<As>, String> {
    // Padding, results and numbers of candidates are such bytes; no text has them.
    if head.len() < HCPE3_HEADER_BYTES || !head[..head.len().min(256)].iter().any(|b| *b < 9) {
        return Ok(None);
    }
    let hcpe = share(head, HCPE_BYTES, |record| {
        record.first_chunk().is_some_and(|r| TrainingPosition::from_hcpe(r, Hcpe::Two).is_ok())
    });
    let psv = share(head, PSV_BYTES, |record| {
        record.first_chunk().is_some_and(|r| TrainingPosition::from_psv(r).is_ok())
    });
    let found: Vec<_> = [
        (hcpe, As::Hcpe1Or2, "hcpe"),
        (is_hcpe3(head), As::Format(TeacherFormat::Hcpe3), "hcpe3"),
        (psv, As::Format(TeacherFormat::Psv), "psv"),
    ]
    .into_iter()
    .filter(|(is_found, ..)| *is_found)
    .collect();
    match found[..] {
        [] => Ok(None),
        [(_, format, _)] => Ok(Some(format)),
        _ => {
            let names: Vec<_> = found.iter().map(|(.., name)| *name).collect();
            Err(format!(
                "expected records of one format, found that they may be of {}; --from {} or \
                 another one says which",
                names.join(" or of "),
                names[0]
            ))
        }
    }
}

/// Whether three quarters of the first records are sound.
fn share(head: &[u8], size: usize, is_sound: impl Fn(&[u8]) -> bool) -> bool {
    let records = head.chunks_exact(size).take(N_LOOKED_AT);
    let n = records.len();
    let n_sound = records.filter(|record| is_sound(record)).count();
    n > 0 && 4 * n_sound >= 3 * n
}

fn is_hcpe3(head: &[u8]) -> bool {
    let mut game = Hcpe3Game::default();
    let (mut n, mut n_sound) = (0, 0);
    let mut rest = head;
    while n < N_LOOKED_AT && !rest.is_empty() {
        match hcpe3_game_len(rest) {
            GameLen::Whole(len) => {
                n += 1;
                n_sound += usize::from(game.read(&rest[..len]).is_ok());
                rest = &rest[len..];
            }
            // The first game may be longer than what is looked at; what there is of it tells.
            GameLen::Truncated(_) if n == 0 => {
                let is_cut = |(error, is_kept): (TeacherError, bool)| {
                    is_kept && error.kind == TeacherErrorKind::Truncated
                };
                return game.read(rest).is_err_and(is_cut) && !game.moves.is_empty();
            }
            GameLen::Truncated(_) => break,
            GameLen::Implausible(_) => {
                n += 1;
                break;
            }
        }
    }
    n > 0 && 4 * n_sound >= 3 * n
}

/// Errors of one part of a file that are listed one by one.
const N_LISTED: usize = 100;

/// Part of a file: whole records, or games.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) bytes: &'a [u8],
    /// Bytes of the file before it.
    pub(crate) first_byte: u64,
    /// Records or games of the file before it.
    pub(crate) first_record: u64,
}

/// What a part of a file gave.
#[derive(Debug, Default)]
pub(crate) struct PartFound {
    pub(crate) n_games: u32,
    pub(crate) n_positions: u64,
    /// Records that have flags of HCPE2.
    pub(crate) n_flagged: u64,
    /// Records of which not everything is kept.
    pub(crate) n_inexact: u64,
    pub(crate) n_errors: u64,
}

/// Where what is read goes.
pub(crate) struct Target<'a> {
    pub(crate) columns: &'a mut Columns,
    pub(crate) positions: &'a mut PositionColumns,
    pub(crate) errors: &'a mut Vec<ErrorEntry>,
    pub(crate) agreement: &'a mut Agreement,
    /// The source, its shard, where it was found.
    pub(crate) source: &'a str,
    pub(crate) shard: u32,
    pub(crate) path: &'a Path,
}

/// Reads teacher records; each thread has its own.
#[derive(Default)]
pub(crate) struct TeacherReader {
    game: Hcpe3Game,
    record: GameRecord,
}

/// Lists the errors of a part.
struct Errors<'a> {
    list: &'a mut Vec<ErrorEntry>,
    /// The source, its shard, where it was found.
    source: &'a str,
    shard: u32,
    path: &'a Path,
    part: Part<'a>,
    n: u64,
}

impl Errors<'_> {
    /// Lists an error in record `index`, which begins at byte `at` of the part.
    #[cold]
    fn add(&mut self, index: u64, at: usize, error: &TeacherError, game_number: Option<u32>) {
        let byte = self.part.first_byte + (at + error.offset) as u64;
        let record = self.part.first_record + index + 1;
        let message = format!("record {record}, byte {byte}: {}", error.message);
        self.entry(error.kind.as_str(), message, game_number);
    }

    fn entry(&mut self, kind: &str, message: String, game_number: Option<u32>) {
        self.n += 1;
        if self.n <= N_LISTED as u64 {
            self.push(kind, message, game_number);
        }
    }

    fn push(&mut self, kind: &str, message: String, game_number: Option<u32>) {
        self.list.push(ErrorEntry {
            source: self.source.to_owned(),
            kind: kind.to_owned(),
            message,
            kept: game_number.is_some(),
            game_number,
            shard: self.shard,
            path: self.path.to_owned(),
            ..ErrorEntry::default()
        });
    }

    fn close(mut self) {
        let n_more = self.n.saturating_sub(N_LISTED as u64);
        if n_more > 0 {
            let from = self.part.first_byte;
            let to = from + self.part.bytes.len() as u64;
            let message = format!("{n_more} more records with errors in bytes {from} to {to}");
            self.push("more", message, None);
        }
    }
}

impl TeacherReader {
    /// Reads a part of a file.
    pub(crate) fn read(
        &mut self,
        part: Part<'_>,
        format: As,
        target: &mut Target<'_>,
    ) -> PartFound {
        let Target { columns, positions, errors, agreement, source, shard, path } = target;
        let (source, shard, path) = (*source, *shard, *path);
        let mut errors = Errors { list: errors, source, shard, path, part, n: 0 };
        let mut found = match format {
            As::Hcpe1Or2 => {
                loose(&mut errors, positions, |r| TrainingPosition::from_hcpe(r, Hcpe::Two))
            }
            As::Format(TeacherFormat::Hcpe) => {
                loose(&mut errors, positions, |r| TrainingPosition::from_hcpe(r, Hcpe::One))
            }
            As::Format(TeacherFormat::Hcpe2) => {
                loose(&mut errors, positions, |r| TrainingPosition::from_hcpe(r, Hcpe::Two))
            }
            As::Format(TeacherFormat::Psv) => {
                loose(&mut errors, positions, TrainingPosition::from_psv)
            }
            As::Format(TeacherFormat::Hcpe3) => self.games(&mut errors, &mut |record, game| {
                columns.push_searched(record, game, source);
                agreement.see(record);
            }),
        };
        found.n_errors = errors.n;
        errors.close();
        found
    }

    /// Reads a part of a file of HCPE3, named by its source and its path, and hands its games to
    /// `take`; returns the number of errors.
    pub(crate) fn read_games(
        &mut self,
        part: Part<'_>,
        (source, path): (&str, &Path),
        list: &mut Vec<ErrorEntry>,
        take: &mut dyn FnMut(&GameRecord, &Hcpe3Game),
    ) -> u64 {
        let mut errors = Errors { list, source, shard: 0, path, part, n: 0 };
        self.games(&mut errors, take);
        let n_errors = errors.n;
        errors.close();
        n_errors
    }

    fn games(
        &mut self,
        errors: &mut Errors<'_>,
        take: &mut dyn FnMut(&GameRecord, &Hcpe3Game),
    ) -> PartFound {
        let mut found = PartFound::default();
        let (mut at, mut index) = (0, 0);
        let bytes = errors.part.bytes;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let (len, problem) = match hcpe3_game_len(rest) {
                GameLen::Whole(len) => (len, None),
                GameLen::Truncated(n) => (rest.len(), Some((rest.len(), truncated(n, rest)))),
                GameLen::Implausible(offset) => (rest.len(), Some((offset, implausible()))),
            };
            // What comes before the place where it breaks off is read as far as it goes.
            let readable = problem.as_ref().map_or(len, |(offset, _)| *offset);
            let is_kept = match self.game.read(&rest[..readable]) {
                Ok(()) => {
                    found.n_inexact += u64::from(!self.game.is_exact);
                    true
                }
                Err((error, is_kept)) => {
                    let number = is_kept.then_some(found.n_games + 1);
                    if problem.is_none() || error.kind != TeacherErrorKind::Truncated {
                        errors.add(index, at, &error, number);
                    }
                    if let Some((offset, message)) = &problem {
                        errors.add(index, at, &truncation(*offset, message), number);
                    }
                    is_kept
                }
            };
            if is_kept {
                self.game.to_record(&mut self.record);
                take(&self.record, &self.game);
                found.n_games += 1;
                found.n_positions += self.record.moves.len() as u64;
            }
            at += len;
            index += 1;
        }
        found
    }
}

fn truncation(offset: usize, message: &str) -> TeacherError {
    TeacherError { kind: TeacherErrorKind::Truncated, offset, message: message.to_owned() }
}

fn truncated(n: usize, rest: &[u8]) -> String {
    format!(
        "expected at least {n} bytes of this game, found the end of the file after {}",
        rest.len()
    )
}

fn implausible() -> String {
    "expected at most 600 candidates of a move, found more; where the next game begins is not \
     known, so the rest is not read"
        .to_owned()
}

/// Reads records of `N` bytes.
fn loose<const N: usize>(
    errors: &mut Errors<'_>,
    positions: &mut PositionColumns,
    read: impl Fn(&[u8; N]) -> Result<TrainingPosition, TeacherError>,
) -> PartFound {
    let mut found = PartFound::default();
    let bytes = errors.part.bytes;
    let (records, rest) = bytes.as_chunks::<N>();
    positions.reserve(records.len());
    for (index, record) in records.iter().enumerate() {
        match read(record) {
            Ok(position) => {
                positions.push(&position);
                found.n_positions += 1;
                found.n_flagged += u64::from(position.flags & !FLAG_GOLD_7TH != 0);
                found.n_inexact += u64::from(!position.is_exact);
            }
            Err(error) => errors.add(index as u64, index * N, &error, None),
        }
    }
    if !rest.is_empty() {
        let index = records.len();
        let message = format!("expected a record of {N} bytes, found {}", rest.len());
        errors.add(index as u64, index * N, &truncation(0, &message), None);
    }
    positions.end_source(errors.source);
    found
}
