//! Patterns against a slow reading of their terms, their images, and texts that are none.

use maou_shogi::{Color, Hand, HcpError, Move, Piece, PieceType, Position, Setup, Square};

use super::{Area, Board, Choice, Matcher, Pattern, Sums, Term, What};

/// Xorshift: the same numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn color(&mut self) -> Color {
        Color::ALL[self.below(2)]
    }

    fn range(&mut self) -> (u8, u8) {
        let (a, b) = (self.below(9) as u8, self.below(9) as u8);
        match self.below(4) {
            0 => (0, 8),
            1 => (a.min(b), a.max(b)),
            _ => (a, a),
        }
    }

    fn what(&mut self) -> What {
        let is_promoted = self.below(4) == 0;
        match self.below(6) {
            0 => What::Any { color: Some(self.color()), is_promoted },
            1 => What::Any { color: None, is_promoted },
            2 => What::Nothing,
            _ => What::Piece(Piece::new(self.color(), PieceType::ALL[self.below(14)])),
        }
    }

    fn choice(&mut self) -> Choice {
        match self.below(8) {
            0 => Choice::Turn(self.color()),
            1 => {
                let mut hands = [Hand::EMPTY; 2];
                for _ in 0..1 + self.below(2) {
                    let kind = PieceType::HAND[self.below(7)];
                    hands[self.below(2)].set(kind, 1 + self.below(2) as u8);
                }
                Choice::Hands(hands)
            }
            _ => {
                let n_areas = 1 + self.below(4) / 3;
                let area = |_| Area { files: self.range(), ranks: self.range() };
                let areas = (0..n_areas).map(area).collect();
                Choice::Placed(self.what(), areas)
            }
        }
    }

    fn term(&mut self) -> Term {
        let n_choices = 1 + self.below(4) / 2;
        let choices = (0..n_choices).map(|_| self.choice()).collect();
        Term { is_negated: self.below(3) == 0, choices }
    }

    /// A pattern as text; some contradict themselves.
    fn pattern(&mut self) -> String {
        let terms = (0..1 + self.below(3)).map(|_| self.term()).collect();
        Pattern { terms, plan: super::Plan::default() }.to_string()
    }
}

/// Visits positions of random games from even and handicap starts, and sparse boards.
fn positions(seed: u64, mut visit: impl FnMut(&Position)) {
    let mut random = Random(seed);
    for handicap in maou_shogi::Handicap::ALL {
        let mut position = Position::from_setup(&Setup::handicap(handicap)).unwrap();
        for _ in 0..150 {
            visit(&position);
            let moves: Vec<Move> = position.legal_moves().to_vec();
            if moves.is_empty() {
                break;
            }
            position.make(moves[random.below(moves.len())]);
        }
    }
    let mut n_left = 500;
    while n_left > 0 {
        let mut setup = Setup::EMPTY;
        for _ in 0..3 + random.below(20) {
            let piece = Piece::new(random.color(), PieceType::ALL[random.below(14)]);
            setup.board[random.below(81)] = Some(piece);
        }
        setup.turn = random.color();
        if let Ok(position) = Position::from_setup(&setup) {
            visit(&position);
            n_left -= 1;
        }
    }
}

/// The meaning of a pattern, square by square.
fn fits_slowly(pattern: &Pattern, setup: &Setup) -> bool {
    let holds = |what: What, piece: Option<Piece>| match (what, piece) {
        (What::Nothing, found) => found.is_none(),
        (_, None) => false,
        (What::Piece(wanted), Some(piece)) => wanted == piece,
        (What::Any { color, is_promoted }, Some(piece)) => {
            color.is_none_or(|color| color == piece.color())
                && (!is_promoted || piece.piece_type().is_promoted())
        }
    };
    let within = |area: &Area, square: Square| {
        (area.files.0..=area.files.1).contains(&square.file())
            && (area.ranks.0..=area.ranks.1).contains(&square.rank())
    };
    pattern.terms.iter().all(|term| {
        let is_true = term.choices.iter().any(|choice| match choice {
            Choice::Turn(color) => setup.turn == *color,
            Choice::Hands(least) => Color::ALL.iter().all(|color| {
                PieceType::HAND.iter().all(|&kind| {
                    setup.hands[color.index()].count(kind) >= least[color.index()].count(kind)
                })
            }),
            Choice::Placed(what, areas) => Square::all().any(|square| {
                areas.iter().any(|area| within(area, square))
                    && holds(*what, setup.board[square.index()])
            }),
        });
        is_true != term.is_negated
    })
}

#[test]
fn patterns_mean_what_they_say_square_by_square() {
    let mut random = Random(7);
    let mut patterns = Vec::new();
    let mut n_refused = 0;
    while patterns.len() < 400 {
        let text = random.pattern();
        match Pattern::parse(&text) {
            Ok(pattern) => {
                assert_eq!(pattern.to_string(), text);
                patterns.push(pattern);
            }
            Err(error) => {
                assert!(error.message.starts_with("expected a term that can be true"), "{error}");
                n_refused += 1;
            }
        }
    }
    assert!(n_refused < 100, "{n_refused}");
    let matchers: Vec<Matcher> =
        patterns.iter().map(|pattern| Matcher::new(std::slice::from_ref(pattern))).collect();
    // As many at once as fill more than two words.
    let many: Vec<Matcher> = patterns.chunks(40).map(Matcher::new).collect();
    assert!(many.iter().all(|matcher| matcher.n_words() > 2));
    let mut n_fitting = 0;
    positions(11, |position| {
        let (setup, mirrored, twin) =
            (position.to_setup(), position.mirrored(), position.flipped());
        let hcp = position.to_hcp();
        let mut all = Vec::new();
        for (pattern, matcher) in patterns.iter().zip(&matchers) {
            let expected = fits_slowly(pattern, &setup);
            all.push(expected);
            assert_eq!(pattern.matches(position), expected, "{pattern} {position:?}");
            assert_eq!(pattern.mirrored().matches(&mirrored), expected, "{pattern} {position:?}");
            assert_eq!(pattern.twin().matches(&twin), expected, "{pattern} {position:?}");
            n_fitting += usize::from(expected);
            let found = match matcher.n_words() {
                1 => found_by::<[u64; 1]>(matcher, position, &hcp),
                _ => found_by::<Vec<u64>>(matcher, position, &hcp),
            };
            assert_eq!(found, [expected; 2], "{pattern} {position:?}");
        }
        for (matcher, expected) in many.iter().zip(all.chunks(40)) {
            let expected = expected.contains(&true);
            let found = found_by::<Vec<u64>>(matcher, position, &hcp);
            assert_eq!(found, [expected; 2], "{position:?}");
        }
    });
    assert!(n_fitting > 100_000, "{n_fitting}");
}

/// Whether a position fits, as a board and as HCP, if it has one.
fn found_by<S: Sums>(
    matcher: &Matcher,
    position: &Position,
    hcp: &Result<[u8; 32], HcpError>,
) -> [bool; 2] {
    let found = matcher.fits(&Board::<S>::new(matcher, position));
    [found, hcp.map_or(found, |hcp| matcher.fits_hcp::<S>(&hcp).unwrap())]
}

#[test]
fn counts_follow_moves() {
    let mut random = Random(17);
    let patterns: Vec<Pattern> =
        (0..300).filter_map(|_| Pattern::parse(&random.pattern()).ok()).collect();
    let matchers: Vec<Matcher> =
        patterns.iter().map(|pattern| Matcher::new(std::slice::from_ref(pattern))).collect();
    let (mut n_fitting, mut n_positions) = (0, 0);
    for handicap in maou_shogi::Handicap::ALL {
        let mut position = Position::from_setup(&Setup::handicap(handicap)).unwrap();
        let start = |matcher| Board::<Vec<u64>>::new(matcher, &position);
        let mut boards: Vec<_> = matchers.iter().map(start).collect();
        for _ in 0..200 {
            let moves: Vec<Move> = position.legal_moves().to_vec();
            if moves.is_empty() {
                break;
            }
            let mv = moves[random.below(moves.len())];
            position.make(mv);
            n_positions += 1;
            for ((pattern, matcher), board) in patterns.iter().zip(&matchers).zip(&mut boards) {
                assert!(board.make(matcher, mv.move16()));
                let expected = pattern.matches(&position);
                assert_eq!(matcher.fits(board), expected, "{pattern} {position:?}");
                n_fitting += usize::from(expected);
            }
        }
    }
    assert!(n_positions > 1_000 && n_fitting > 10_000, "{n_positions} {n_fitting}");
}

#[test]
fn moves_that_cannot_be_made_are_told() {
    let matcher = Matcher::new(&[Pattern::parse("P7f").unwrap()]);
    let start = Board::<[u64; 1]>::new(&matcher, &Position::startpos());
    let make = |usi: &str| start.clone().make(&matcher, Move::from_usi(usi).unwrap().move16());
    assert!(make("7g7f"));
    // Nothing there, nothing in hand, a king taken, no move at all.
    assert!(!make("5e5d") && !make("P*5e") && !make("2h5a"));
    assert!(!start.clone().make(&matcher, 0));
}

#[test]
fn images_come_back_and_are_each_once() {
    let mut random = Random(13);
    for _ in 0..1000 {
        let Ok(pattern) = Pattern::parse(&random.pattern()) else { continue };
        assert_eq!(pattern.mirrored().mirrored(), pattern);
        assert_eq!(pattern.twin().twin(), pattern);
        assert_eq!(pattern.twin().mirrored(), pattern.mirrored().twin());
    }
    let images = |text: &str, mirror, either_color| -> Vec<String> {
        let images = Pattern::parse(text).unwrap().images(mirror, either_color);
        images.iter().map(Pattern::to_string).collect()
    };
    assert_eq!(images("P7f black", false, false), ["P7f black"]);
    assert_eq!(images("P7f black", true, false), ["P7f black", "P3f black"]);
    assert_eq!(images("P7f hand:R", false, true), ["P7f hand:R", "p3d hand:r"]);
    assert_eq!(images("+X7-9g,a", true, true), ["+X7-9g,a", "+X1-3g,a", "+x1-3c,i", "+x7-9c,i"]);
    assert_eq!(images("*5e", true, true), ["*5e"]);
}

#[test]
fn what_the_documentation_says() {
    let start = Position::startpos();
    let open =
        Position::from_sfen("lnsgkgsnl/1r5+B1/pppppp1pp/6p2/9/2P6/PP1PPPPPP/7R1/LNSGKGSNL w B 4")
            .unwrap();
    for (text, at_start, later) in [
        ("P7g", true, false),
        ("P7f", false, true),
        ("P7f,7g", true, true),
        ("P7f|P7g", true, true),
        ("P7f P7g", false, false),
        ("R2", true, true),
        ("R1-4", true, true),
        ("R6-9", false, false),
        ("r9-6b", true, true),
        ("Rh", true, true),
        ("K7-9g-i", false, false),
        ("+B*", false, true),
        ("+B*|hand:B", false, true),
        ("hand:B", false, true),
        ("hand:2B", false, false),
        ("hand:b", false, false),
        ("not hand:B", true, false),
        ("X2b", false, true),
        ("x2b", true, false),
        ("*2b", true, true),
        (".7g", false, true),
        (".*", true, true),
        ("+**", false, true),
        ("+x*", false, false),
        ("not X4-6", false, false),
        ("not *e", true, true),
        ("not P7f | P7g black", false, false),
        ("P7f | P7g", true, true),
        ("black", true, false),
        ("not black", false, true),
        ("\u{3000}white  P7f ", false, true),
    ] {
        let pattern = Pattern::parse(text).unwrap();
        assert_eq!((pattern.matches(&start), pattern.matches(&open)), (at_start, later), "{text}");
    }
}

#[test]
fn other_texts_say_where_and_why() {
    let term = "expected a term: a piece such as `P` or `+r`, `X`, `x`, `*` or `.` and where it \
                stands, `hand:`, `black`, `white` or `not`";
    let place = "expected a square such as `7f`, a file, a rank or `*` for anywhere after";
    for (text, column, message) in [
        ("", 1, format!("{term}, found the end")),
        ("  ", 3, format!("{term}, found the end")),
        ("not", 4, format!("{term}, found the end")),
        ("not not P7f", 6, format!("{place} `n`, found `o`")),
        ("P7f  Q5e", 6, format!("{term}, found `Q`")),
        ("P7f 7f", 5, format!("{term}, found `7`")),
        ("P7f|", 5, format!("{term}, found the end")),
        ("P7f | ", 7, format!("{term}, found the end")),
        ("P7f || P6f", 6, format!("{term}, found `|`")),
        ("歩7f", 1, format!("{term}, found `歩`")),
        ("b", 2, format!("{place} `b`, found the end")),
        ("+R P7f", 3, format!("{place} `+R`, found a space")),
        ("P7f,", 5, format!("{place} `,`, found the end")),
        ("P0f", 2, format!("{place} `P`, found `0`")),
        ("P7j", 3, "expected a space or `|`, found `j`".to_owned()),
        ("P7F", 3, "expected a space or `|`, found `F`".to_owned()),
        ("P7f6f", 4, "expected a space or `|`, found `6`".to_owned()),
        ("P7-", 4, "expected a file from 1 to 9 after `7-`, found the end".to_owned()),
        ("P7f-5d", 5, "expected a rank from a to i after `f-`, found `5`".to_owned()),
        ("+G4h", 2, "expected a piece that promotes after `+`, found `G`".to_owned()),
        ("+.4h", 2, "expected a piece that promotes after `+`, found `.`".to_owned()),
        ("hand:", 6, "expected pieces in hand such as `R2P`, found the end".to_owned()),
        ("hand: P", 6, "expected pieces in hand such as `R2P`, found a space".to_owned()),
        ("hand:P>=2", 7, "expected pieces in hand such as `R2P`, found `>`".to_owned()),
        ("hand:2", 7, "expected a piece in hand, of `RBGSNLP`, found the end".to_owned()),
        ("hand:K", 6, "expected pieces in hand such as `R2P`, found `K`".to_owned()),
        ("hand:PRP", 8, "expected each piece in hand once, found `P`".to_owned()),
        ("hand:R0p", 7, "expected from 1 to 18 pawns in hand, found `0`".to_owned()),
        ("P7f hand:3R", 10, "expected from 1 to 2 rooks in hand, found `3`".to_owned()),
        (
            "P7f black white",
            11,
            "expected a term that can be true beside those before, found `white`".to_owned(),
        ),
        (
            "P7f p7f|+p7f",
            5,
            "expected a term that can be true beside those before, found `p7f|+p7f`".to_owned(),
        ),
        (
            "hand:2B hand:b",
            9,
            "expected a term that can be true beside those before, found `hand:b`".to_owned(),
        ),
    ] {
        let error = Pattern::parse(text).unwrap_err();
        assert_eq!((error.column, error.message), (column, message), "{text}");
    }
    let error = Pattern::parse("P7j").unwrap_err();
    assert_eq!(error.to_string(), "column 3: expected a space or `|`, found `j`");
}

/// Any text is a pattern that comes back, or an error within it.
#[test]
fn any_text_is_a_pattern_or_an_error() {
    let alphabet: Vec<char> = "PpRr+Xx*.,|-12579aefi hand:notblackwhite歩".chars().collect();
    let mut random = Random(17);
    let mut n_read = 0;
    for _ in 0..20_000 {
        let mut text: Vec<char> = random.pattern().chars().collect();
        for _ in 0..random.below(3) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => text[at] = alphabet[random.below(alphabet.len())],
                1 => text.insert(at, alphabet[random.below(alphabet.len())]),
                _ if text.len() > 1 => drop(text.remove(at)),
                _ => {}
            }
        }
        let text: String = text.into_iter().collect();
        match Pattern::parse(&text) {
            Ok(pattern) => {
                n_read += 1;
                assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern), "{text}");
            }
            Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.column), "{text}"),
        }
    }
    assert!(n_read > 5_000, "{n_read}");
}
