//! Header fields as CSA and KIF name them: as they are written in the record, from the fields of
//! the game where those tell something else, and translated between the formats.

use crate::record::GameRecord;
use crate::record::detect::may_be_kif;
use crate::record::glyph::{self, Glyph, Utf8};
use crate::record::header::parse_date;
use crate::record::kif_move::{Lexed, lex};

/// A format of headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Names {
    Csa,
    Kif,
    /// Those of KIF, and any other.
    Jkf,
}

/// What a game has a field for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Black,
    White,
    Event,
    Date,
}

/// The names of the fields in CSA and, any of them, in KIF.
const FIELDS: [(Field, &str, &[&str]); 4] = [
    (Field::Black, "N+", &["先手", "下手"]),
    (Field::White, "N-", &["後手", "上手"]),
    (Field::Event, "$EVENT", &["棋戦", "表題"]),
    (Field::Date, "$START_TIME", &["開始日時", "対局日"]),
];

/// Other names in CSA and KIF.
const OTHERS: [(&str, &str); 4] = [
    ("$SITE", "場所"),
    ("$END_TIME", "終了日時"),
    ("$TIME_LIMIT", "持ち時間"),
    ("$OPENING", "戦型"),
];

/// The lines of a header.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub lines: Vec<(String, String)>,
    /// Fields that the format has no place for.
    pub n_lost: u64,
}

/// Whether the header field of this name is a part of the start position.
fn is_start(key: &str) -> bool {
    matches!(key, "手合割" | "手番") || key.ends_with("の持駒") || key.ends_with("の持ち駒")
}

impl Header {
    /// The header of a game; names of the players as in a handicap game, if it is one.
    pub fn of(game: &GameRecord, names: Names, is_handicap: bool) -> Header {
        let mut header = Header::default();
        let mut written = Vec::new();
        let has_event = game.headers.iter().any(|(key, _)| matches!(&**key, "棋戦" | "$EVENT"));
        let has_start =
            game.headers.iter().any(|(key, _)| matches!(&**key, "開始日時" | "$START_TIME"));
        for (key, value) in &game.headers {
            let is_field = |(_, csa, kif): &&(Field, &str, &[&str])| {
                // The title names the event only where nothing else does, the day the start.
                (key == csa || kif.contains(&key.as_str()))
                    && !(has_event && key == "表題")
                    && !(has_start && key == "対局日")
            };
            match FIELDS.iter().find(is_field) {
                Some((field, csa, kif)) if !written.contains(field) => {
                    let is_native = match names {
                        Names::Csa => key == csa,
                        Names::Kif | Names::Jkf => kif.contains(&key.as_str()),
                    };
                    let value = field_value(game, *field, value, is_native);
                    if value.is_empty() && !is_native {
                        continue;
                    }
                    written.push(*field);
                    let name = match is_native {
                        true => key.clone(),
                        false => default_name(*field, names, is_handicap).to_owned(),
                    };
                    header.lines.push((name, value));
                }
                // A second one.
                Some(_) => header.push_other(key, value, names),
                None if is_start(key) => {}
                None => header.push_other(key, value, names),
            }
        }
        let rest = match names {
            Names::Csa => [Field::Black, Field::White, Field::Event, Field::Date],
            Names::Kif | Names::Jkf => [Field::Date, Field::Event, Field::Black, Field::White],
        };
        for field in rest.into_iter().filter(|field| !written.contains(field)) {
            let value = field_value(game, field, "", true);
            if !value.is_empty() {
                let name = default_name(field, names, is_handicap).to_owned();
                header.lines.push((name, value));
            }
        }
        header
    }

    /// Takes a field that the game has no field for.
    fn push_other(&mut self, key: &str, value: &str, names: Names) {
        let known = OTHERS.iter().find(|(csa, kif)| key == *csa || key == *kif);
        let name = match (names, known) {
            (Names::Kif | Names::Jkf, Some((_, kif))) => Some(*kif),
            (Names::Kif, None) => Some(key).filter(|key| is_kif_key(key)),
            (Names::Jkf, None) => Some(key),
            (Names::Csa, Some((csa, _))) if key == *csa => Some(*csa),
            (Names::Csa, Some(("$TIME_LIMIT", _))) if !is_csa_limit(value) => None,
            (Names::Csa, Some(("$END_TIME", _))) if parse_date(value).is_none() => None,
            (Names::Csa, Some((csa, _))) => Some(*csa),
            (Names::Csa, None) => Some(key).filter(|key| is_csa_key(key)),
        };
        match name {
            Some(name) => self.lines.push((name.to_owned(), value.to_owned())),
            None => self.n_lost += 1,
        }
    }
}

/// The value of a field: what is `written`, unless the game tells something else.
fn field_value(game: &GameRecord, field: Field, written: &str, is_native: bool) -> String {
    let own = match field {
        Field::Black => &game.black,
        Field::White => &game.white,
        Field::Event => &game.event,
        Field::Date => {
            let told = parse_date(written);
            return match game.date {
                Some(date) if told != Some(date) => {
                    format!("{:04}/{:02}/{:02}", date.year(), date.month(), date.day())
                }
                // Without a day the words are all there is.
                _ if told.is_some() || is_native => written.to_owned(),
                _ => String::new(),
            };
        }
    };
    (if own.is_empty() { written } else { own }).to_owned()
}

fn default_name(field: Field, names: Names, is_handicap: bool) -> &'static str {
    match (field, names) {
        (Field::Black, Names::Csa) => "N+",
        (Field::White, Names::Csa) => "N-",
        (Field::Event, Names::Csa) => "$EVENT",
        (Field::Date, Names::Csa) => "$START_TIME",
        (Field::Black, _) if is_handicap => "下手",
        (Field::White, _) if is_handicap => "上手",
        (Field::Black, _) => "先手",
        (Field::White, _) => "後手",
        (Field::Event, _) => "棋戦",
        (Field::Date, _) => "開始日時",
    }
}

/// Whether a line that begins so is read as a header of KIF.
fn is_kif_key(key: &str) -> bool {
    const OTHER_LINES: [&str; 3] = ["まで", "変化", "手数--"];
    // A digit begins a move, a bracket JSON.
    let begins_well = key.chars().next().is_some_and(|first| {
        let is_number = first.is_ascii_digit() || ('０'..='９').contains(&first);
        !is_number
            && !matches!(glyph::of_char(first), Glyph::Mark(_) | Glyph::Blank)
            && !first.is_whitespace()
            && !"#*&|+{[\u{1A}".contains(first)
    });
    // 三番勝負 begins no move, but 三五歩 and `三 同歩` do.
    let is_move = |at| matches!(lex::<Utf8>(key.as_bytes(), at), Lexed::Move(..));
    let has_move = is_move(0)
        || key.char_indices().any(|(at, ch)| {
            matches!(glyph::of_char(ch), Glyph::Blank) && is_move(at + ch.len_utf8())
        });
    begins_well
        && !has_move
        && !OTHER_LINES.iter().any(|begin| key.starts_with(begin))
        && !key.contains(|ch: char| matches!(ch, '：' | ':') || ch.is_control())
        && key.trim() == key
        && may_be_kif(&format!("{key}：x"))
}

/// Hours, minutes and seconds of byoyomi as CSA has them: `00:25+10`. Programs write it into KIF too.
fn is_csa_limit(value: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = value.split_once(':').and_then(|(h, rest)| Some((h, rest.split_once('+')?)));
    parts.is_some_and(|(h, (min, s))| is_number(h) && is_number(min) && is_number(s))
}

/// `$KEYWORD`, as CSA wants it.
fn is_csa_key(key: &str) -> bool {
    key.strip_prefix('$').is_some_and(|rest| {
        !rest.is_empty() && !rest.contains(|ch: char| ch == ':' || ch.is_control())
    })
}
