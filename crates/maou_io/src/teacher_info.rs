//! What a file of teacher records holds, without a dataset.

use std::fs;
use std::path::Path;

use maou_shogi::record::{GameRecord, GameResult};
use maou_shogi::teacher::Hcpe3Game;
use serde::Serialize;

use crate::agreement::Agreement;
use crate::columns::Columns;
use crate::error::{AtPath, Result};
use crate::manifest::ResultCounts;
use crate::parts::PartFile;
use crate::positions::PositionColumns;
use crate::report::ErrorEntry;
use crate::teacher::{
    As, HEAD_BYTES, Part, PartFound, Target, TeacherFormat, TeacherReader, detect,
};

/// Errors that are handed on.
const MAX_ERRORS: usize = 1_000;

/// What a file of teacher records holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TeacherInfo {
    /// The format.
    pub format: &'static str,
    /// Size of the file.
    pub size_bytes: u64,
    /// Games, in HCPE3.
    pub n_games: u64,
    /// Positions with a move: records, or moves of games.
    pub n_positions: u64,
    /// How many of them have an eval; the others are those that HCPE3 marks as not for training.
    pub n_evals: u64,
    /// The least and the greatest eval, for the side to move, as they stand in the file.
    pub eval_min: Option<i16>,
    /// See `eval_min`.
    pub eval_max: Option<i16>,
    /// Candidates of all moves, in HCPE3.
    pub n_candidates: u64,
    /// Results of the games, or the results that stand with the positions.
    pub results: ResultCounts,
    /// Records that have flags, which HCPE2 and HCPE3 have.
    pub n_flagged: u64,
    /// Records of which a dataset does not keep everything.
    pub n_inexact: u64,
    /// Errors; a record with one does not count above, a game does as far as it goes.
    pub n_errors: u64,
    /// The first of them.
    pub errors: Vec<ErrorEntry>,
}

impl TeacherInfo {
    fn eval(&mut self, eval: i16) {
        self.n_evals += 1;
        self.eval_min = Some(self.eval_min.map_or(eval, |least| least.min(eval)));
        self.eval_max = Some(self.eval_max.map_or(eval, |most| most.max(eval)));
    }

    fn result(&mut self, result: u8) {
        match GameResult::from_u8(result) {
            Some(GameResult::Draw) => self.results.draw += 1,
            Some(GameResult::BlackWins) => self.results.black_wins += 1,
            Some(GameResult::WhiteWins) => self.results.white_wins += 1,
            _ => self.results.unknown += 1,
        }
    }

    fn game(&mut self, record: &GameRecord, game: &Hcpe3Game) {
        self.n_games += 1;
        self.n_positions += record.moves.len() as u64;
        self.n_candidates += game.candidates.len() as u64;
        self.n_flagged += u64::from(game.flags != 0);
        self.n_inexact += u64::from(!game.is_exact);
        for (eval, n) in game.evals_raw.iter().zip(&game.n_candidates) {
            if *n > 0 {
                self.eval(*eval);
            }
        }
        self.result(record.result as u8);
    }

    fn loose(&mut self, positions: &PositionColumns, found: &PartFound) {
        self.n_positions += found.n_positions;
        self.n_flagged += found.n_flagged;
        self.n_inexact += found.n_inexact;
        positions.evals_cp().iter().for_each(|eval| self.eval(*eval));
        positions.results().iter().for_each(|result| self.result(*result));
    }

    fn part(
        &mut self,
        reader: &mut TeacherReader,
        part: Part<'_>,
        format: As,
        place: (&str, &Path),
    ) {
        let (source, path) = place;
        let mut errors = Vec::new();
        if format == As::Format(TeacherFormat::Hcpe3) {
            self.n_errors += reader.read_games(part, (source, path), &mut errors, &mut |r, g| {
                self.game(r, g);
            });
        } else {
            let (mut columns, mut positions) = (Columns::default(), PositionColumns::default());
            let found = reader.read(
                part,
                format,
                &mut Target {
                    columns: &mut columns,
                    positions: &mut positions,
                    errors: &mut errors,
                    agreement: &mut Agreement::default(),
                    source,
                    shard: 0,
                    path,
                },
            );
            self.n_errors += found.n_errors;
            self.loose(&positions, &found);
        }
        errors.truncate(MAX_ERRORS - self.errors.len());
        self.errors.append(&mut errors);
    }
}

/// Tells what a file of teacher records holds; `None` if it is no such file, as far as its content
/// tells. `from` is its format if the content does not decide.
///
/// # Errors
///
/// If the file cannot be read, or may be of two formats.
pub fn teacher_info(path: &Path, from: Option<TeacherFormat>) -> Result<Option<TeacherInfo>> {
    let size_bytes = fs::metadata(path).at(path)?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut info = TeacherInfo { size_bytes, ..TeacherInfo::default() };
    let mut reader = TeacherReader::default();
    let place = (name.as_str(), path);
    let format = match PartFile::find(path, size_bytes, from.map(As::Format)) {
        Some(file) => {
            for index in 0..file.n_parts() {
                let read = file.read(index).at(path)?;
                info.part(&mut reader, read.part(), file.format(), place);
            }
            file.format()
        }
        None => {
            let bytes = fs::read(path).at(path)?;
            let Some(format) = format_of(&bytes, from, path)? else { return Ok(None) };
            info.part(
                &mut reader,
                Part { bytes: &bytes, first_byte: 0, first_record: 0 },
                format,
                place,
            );
            format
        }
    };
    info.format = match format {
        As::Hcpe1Or2 if info.n_flagged > 0 => TeacherFormat::Hcpe2.as_str(),
        As::Hcpe1Or2 => TeacherFormat::Hcpe.as_str(),
        As::Format(format) => format.as_str(),
    };
    Ok(Some(info))
}

fn format_of(bytes: &[u8], from: Option<TeacherFormat>, path: &Path) -> Result<Option<As>> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    match from {
        Some(from) => Ok(Some(As::Format(from))),
        None => detect(head).map_err(|message| {
            crate::error::Error::Usage(format!("{}: {message}", path.display()))
        }),
    }
}

/// What [`teacher_games`] found.
#[derive(Clone, Debug)]
pub struct TeacherGames {
    /// The format.
    pub format: &'static str,
    /// Its games; none if it is one of loose positions.
    pub games: Vec<GameRecord>,
    /// What is wrong with them, and that there are no games if it holds loose positions.
    pub errors: Vec<ErrorEntry>,
}

/// Reads the games of HCPE3 in the bytes of a file; `None` if they are no teacher records.
pub fn teacher_games(bytes: &[u8]) -> Option<TeacherGames> {
    let format = match detect(&bytes[..bytes.len().min(HEAD_BYTES)]) {
        Ok(None) => return None,
        Ok(Some(format)) => Ok(format),
        Err(message) => Err(message),
    };
    let (mut games, mut errors) = (Vec::new(), Vec::new());
    let problem = |kind: &str, message: String| ErrorEntry {
        kind: kind.to_owned(),
        ..ErrorEntry::unreadable("", "".into(), message)
    };
    let format = match format {
        Ok(As::Format(TeacherFormat::Hcpe3)) => {
            let part = Part { bytes, first_byte: 0, first_record: 0 };
            let take = &mut |record: &GameRecord, _: &Hcpe3Game| games.push(record.clone());
            TeacherReader::default().read_games(part, ("", Path::new("")), &mut errors, take);
            TeacherFormat::Hcpe3
        }
        Ok(format) => {
            let (name, format) = match format {
                As::Format(TeacherFormat::Psv) => ("PSV", TeacherFormat::Psv),
                _ => ("HCPE", TeacherFormat::Hcpe),
            };
            let message = format!(
                "expected games, found {name}, whose positions belong to no game; `maou convert` \
                 makes a dataset of them, and maou.Dataset(…).positions_table reads that"
            );
            errors.push(problem("loose_positions", message));
            format
        }
        Err(message) => {
            errors.push(problem(ErrorEntry::AMBIGUOUS, message));
            TeacherFormat::Hcpe
        }
    };
    Some(TeacherGames { format: format.as_str(), games, errors })
}
