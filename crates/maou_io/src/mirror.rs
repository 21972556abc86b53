//! Names of the files that sources are written to: the tree of the inputs with other endings.

use std::collections::HashSet;

use crate::sources::STDIN;

/// Endings of names that tell a format or a compression, and go when another format is written.
const ENDINGS: [&str; 20] = [
    "csa", "kif", "kifu", "ki2", "ki2u", "jkf", "json", "usi", "sfen", "txt", "gz", "xz", "bz2",
    "feather", "arrow", "hcpe", "hcpe2", "hcpe3", "psv", "bin",
];

/// The name of a source without its ending; `None` if it would lead out of the folder.
pub(crate) fn stem_of(source: &str) -> Option<String> {
    if source == STDIN {
        return Some("stdin".to_owned());
    }
    let source = source.strip_prefix("-/").unwrap_or(source);
    let is_sound = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if !source.split('/').all(is_sound) || (cfg!(windows) && source.contains(['\\', ':'])) {
        return None;
    }
    // The number that tells pieces of one source apart stays.
    let (mut stem, number) = match source.rsplit_once('#') {
        Some((stem, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (stem, &source[stem.len()..])
        }
        _ => (source, ""),
    };
    while let Some((rest, ending)) = stem.rsplit_once('.')
        && !rest.is_empty()
        && !rest.ends_with('/')
        && ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
    {
        stem = rest;
    }
    Some(format!("{stem}{number}"))
}

/// The name of the file of a game, with its number if its source has several.
pub(crate) fn file_name(stem: &str, number: Option<usize>, ending: &str) -> String {
    match number {
        None => format!("{stem}.{ending}"),
        Some(number) => format!("{stem}-{number}.{ending}"),
    }
}

/// Whether two games of sources with these names may have files of the same name.
pub(crate) fn may_collide<'a>(sources: impl Iterator<Item = &'a str>) -> bool {
    let mut stems = HashSet::new();
    for stem in sources.filter_map(stem_of) {
        if !stems.insert(stem) {
            return true;
        }
    }
    stems.iter().any(|stem| {
        stem.rsplit_once('-').is_some_and(|(rest, number)| {
            !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && stems.contains(rest)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_go_and_nothing_leads_out() {
        for (source, expected) in [
            ("a/b.kif", Some("a/b")),
            ("a.csa.gz", Some("a")),
            ("2024.01.02", Some("2024.01.02")),
            ("x.zip/b.CSA", Some("x.zip/b")),
            ("b.csa#2", Some("b#2")),
            (".csa", Some(".csa")),
            ("-", Some("stdin")),
            ("-/a.kif", Some("a")),
            ("../a.kif", None),
            ("/a.kif", None),
            ("a//b.kif", None),
        ] {
            assert_eq!(stem_of(source).as_deref(), expected, "{source}");
        }
        assert_eq!(file_name("a/b", None, "csa"), "a/b.csa");
        assert_eq!(file_name("a/b", Some(2), "csa"), "a/b-2.csa");
    }

    #[test]
    fn collisions_are_seen_coming() {
        let may = |names: &[&str]| may_collide(names.iter().copied());
        assert!(may(&["a.kif", "a.csa"]));
        assert!(may(&["a.kif", "a-1.kif"]));
        assert!(!may(&["a.kif", "b/a.kif", "a-x.kif", "b-1.kif"]));
    }
}
