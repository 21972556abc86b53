//! Records of any format as texts of one.

use std::path::Path;

use maou_shogi::record::{GameRecord, Loss, Reader, RecordError, Sink, encode, write_record};

use crate::error::{Error, Result, reason};
use crate::mirror::stem_of;
use crate::read_file::FileBuffer;
use crate::report::ErrorEntry;
use crate::sniff::{Content, sniff};
use crate::sources::{Access, STDIN, Source, Sources, Unpacked};
use crate::teacher::{As, HEAD_BYTES, Part, TeacherFormat, TeacherReader, detect};
use crate::transcribe::TranscribeOptions;
use crate::variations::Tree;

/// One game as text.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    pub(crate) n_positions: u64,
}

/// What was read of one source.
#[derive(Default)]
pub(crate) struct SourceTexts {
    pub(crate) texts: Vec<Text>,
    pub(crate) errors: Vec<ErrorEntry>,
    pub(crate) loss: Loss,
    /// Candidates of searches, which no text holds.
    pub(crate) n_candidates: u64,
}

/// Reads sources into texts; each thread has its own.
pub(crate) struct TextReader<'a> {
    sources: &'a Sources<'a>,
    options: &'a TranscribeOptions,
    buffer: FileBuffer,
    reader: Reader,
    teacher: TeacherReader,
    game: GameRecord,
}

impl<'a> TextReader<'a> {
    pub(crate) fn new(sources: &'a Sources<'a>, options: &'a TranscribeOptions) -> TextReader<'a> {
        let (buffer, reader, game) = (FileBuffer::default(), Reader::full(), GameRecord::default());
        let teacher = TeacherReader::default();
        TextReader { sources, options, buffer, reader, teacher, game }
    }

    /// Reads a source; `unpacked` gives what is in the next members of archives.
    ///
    /// # Errors
    ///
    /// [`Error::Misnamed`], or if a dataset among the inputs is damaged.
    pub(crate) fn read(
        &mut self,
        source: &Source,
        unpacked: &mut dyn Iterator<Item = Unpacked>,
    ) -> Result<SourceTexts> {
        let sources = self.sources;
        let path = sources.path(source);
        let mut writer = TextWriter {
            options: self.options,
            source: &source.name,
            path: &path,
            n_games: 0,
            text: String::new(),
            found: SourceTexts::default(),
        };
        if source.name.as_ref() != STDIN && stem_of(&source.name).is_none() {
            writer.unreadable(format!(
                "expected the name of a source within its input, found `{}`",
                source.name
            ));
            return Ok(writer.found);
        }
        let member;
        let content = match source.access() {
            Access::Problem(problem) => Err(problem.to_owned()),
            Access::File => {
                self.buffer.read(&path, source.size_bytes).map_err(|error| reason(&error))
            }
            Access::Member => {
                member = unpacked.next().expect("one for each member of an archive");
                member.as_deref().map_err(Clone::clone)
            }
            Access::Piece(piece) => {
                let known = sources.piece(piece).errors.iter().cloned();
                writer.found.errors.extend(known);
                if sources.piece(piece).row.format.is_loose() {
                    writer.unreadable(
                        "expected games, found loose positions, which have no text".to_owned(),
                    );
                    return Ok(writer.found);
                }
                let mut tree = Tree::default();
                sources.tables().read(piece, &mut self.game, &mut |found| match found {
                    Ok(found) => {
                        writer.found.n_candidates +=
                            found.search.map_or(0, |search| search.candidates.len() as u64);
                        if let Some(game) = tree.push(found.game, found.parent_id) {
                            writer.write(&game);
                        }
                    }
                    Err((row, column, message)) => writer.row_problem(row, column, &message),
                })?;
                if let Some(game) = tree.finish() {
                    writer.write(&game);
                }
                return Ok(writer.found);
            }
        };
        match content {
            Err(problem) => writer.unreadable(problem),
            Ok(bytes) => {
                if matches!(source.access(), Access::File) && sniff(bytes) != Content::Other {
                    return Err(Error::Misnamed(path));
                }
                match detect(&bytes[..bytes.len().min(HEAD_BYTES)]) {
                    Ok(None) => drop(self.reader.read(bytes, &mut writer)),
                    Ok(Some(As::Format(TeacherFormat::Hcpe3))) => {
                        let part = Part { bytes, first_byte: 0, first_record: 0 };
                        let mut errors = Vec::new();
                        let place = (&*source.name, &*path);
                        self.teacher.read_games(part, place, &mut errors, &mut |game, search| {
                            writer.found.n_candidates += search.candidates.len() as u64;
                            writer.write(game);
                        });
                        writer.found.errors.append(&mut errors);
                    }
                    Ok(Some(format)) => {
                        let n = format.record_bytes().map_or(0, |size| bytes.len() / size);
                        let format =
                            if format == As::Format(TeacherFormat::Psv) { "PSV" } else { "HCPE" };
                        writer.unreadable(format!(
                            "expected games, found {n} loose positions of {format}, which have \
                             no text"
                        ));
                    }
                    Err(message) => writer.unreadable(message),
                }
            }
        }
        Ok(writer.found)
    }
}

/// Takes what is read in one source.
struct TextWriter<'a> {
    options: &'a TranscribeOptions,
    source: &'a str,
    path: &'a Path,
    n_games: u32,
    text: String,
    found: SourceTexts,
}

impl TextWriter<'_> {
    /// Writes a game.
    fn write(&mut self, game: &GameRecord) {
        self.n_games += 1;
        self.text.clear();
        let loss = write_record(self.options.format, game, &mut self.text);
        match encode(&self.text, self.options.encoding) {
            Ok(bytes) => {
                self.found.loss += loss;
                let n_positions = game.moves.len() as u64;
                self.found.texts.push(Text { bytes, n_positions });
            }
            Err(error) => self.found.errors.push(ErrorEntry {
                kind: "encoding".to_owned(),
                ..ErrorEntry::unreadable(
                    self.source,
                    self.path.to_owned(),
                    format!("game {}: {error}", self.n_games),
                )
            }),
        }
    }

    fn unreadable(&mut self, problem: String) {
        let entry = ErrorEntry::unreadable(self.source, self.path.to_owned(), problem);
        self.found.errors.push(entry);
    }

    fn row_problem(&mut self, row: u64, column: &str, message: &str) {
        self.found.errors.push(ErrorEntry {
            kind: ErrorEntry::ROW.to_owned(),
            ..ErrorEntry::unreadable(
                self.source,
                self.path.to_owned(),
                format!("row {row}, column `{column}`: {message}"),
            )
        });
    }
}

impl Sink for TextWriter<'_> {
    fn game(&mut self, game: &mut GameRecord) {
        self.write(game);
    }

    fn error(&mut self, error: RecordError) {
        self.found.errors.push(ErrorEntry {
            source: self.source.to_owned(),
            line: Some(error.line),
            column: Some(error.column),
            kind: error.kind.as_str().to_owned(),
            message: error.message,
            kept: error.kept,
            game_number: error.kept.then_some(self.n_games + 1),
            shard: 0,
            path: self.path.to_owned(),
        });
    }
}
