//! Games with headers, comments and variations, written and read again.

use super::*;
use crate::record::{Comment, Comments, Loss, Variation};

/// The games of a text, everything kept, and the errors.
pub(super) fn read_full(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    Reader::full().read(bytes, &mut found);
    found
}

/// A fixed sequence of numbers (xorshift).
pub(super) struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

const COMMENTS: [&str; 8] =
    ["", "comment", "  indented", "三間飛車：x", "*starred", "#hash", "7 numbers", "▲７六歩"];

pub(super) fn comments(numbers: &mut Numbers, first: usize, last: usize) -> Comments {
    let mut found: Vec<Comment> = (0..numbers.below(6))
        .map(|_| Comment {
            ply: (first + numbers.below(last - first + 1)) as u32,
            text: COMMENTS[numbers.below(COMMENTS.len())],
        })
        .collect();
    found.sort_by_key(|comment| comment.ply);
    found.into_iter().collect()
}

/// Random variations of a line that begins with `start` after `first` moves.
pub(super) fn variations(
    numbers: &mut Numbers,
    start: &Position,
    first: usize,
    moves: &[Move],
    depth: usize,
) -> Vec<Variation> {
    let mut found = Vec::new();
    // At its first move a variation leaves the line from which this one comes.
    let lowest = usize::from(depth > 0);
    for _ in 0..numbers.below(4 - depth) {
        let n_before = numbers.below(moves.len() + 1);
        if n_before < lowest {
            continue;
        }
        let mut position = start.clone();
        for mv in &moves[..n_before] {
            position.make(*mv);
        }
        let begin = position.clone();
        let mut line = Variation { ply: (first + n_before) as u32, ..Variation::default() };
        for _ in 0..=numbers.below(7) {
            let legal = position.legal_moves();
            let Some(mv) = legal.get(numbers.below(legal.len())).copied() else { break };
            position.make(mv);
            line.moves.push(mv);
            line.evals_cp.push((numbers.below(3) == 0).then(|| numbers.below(4000) as i16 - 2000));
            line.times_ms.push((numbers.below(2) == 0).then(|| 1000 * numbers.below(100) as u32));
        }
        if line.moves.is_empty() {
            continue;
        }
        if numbers.below(3) == 0 {
            line.ending = Ending::Interrupted;
        }
        let from = first + n_before;
        line.comments = comments(numbers, from, from + line.moves.len());
        line.variations = variations(numbers, &begin, from, &line.moves, depth + 1);
        found.push(line);
    }
    found.sort_by_key(|line| line.ply);
    found
}

/// What a reader makes of the comments: those that stand for evals are comments too, in front.
pub(super) fn without_told_evals(comments: &Comments) -> Comments {
    let told = |comment: &Comment| {
        !comment.text.starts_with("*評価値=") && !comment.text.starts_with("*詰み=")
    };
    comments.iter().filter(told).collect()
}

fn normalized(mut line: Variation, keeps_times: bool) -> Variation {
    line.comments = without_told_evals(&line.comments);
    if !keeps_times {
        line.times_ms.fill(None);
    }
    line.variations =
        line.variations.into_iter().map(|inner| normalized(inner, keeps_times)).collect();
    line
}

pub(super) fn normalized_all(lines: &[Variation], keeps_times: bool) -> Vec<Variation> {
    lines.iter().cloned().map(|line| normalized(line, keeps_times)).collect()
}

#[test]
fn generated_games_with_everything_come_back() {
    let mut generator = GameGenerator::new(GeneratorOptions { seed: 9, ..Default::default() });
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let mut game = GameRecord::default();
    let mut n_variations = 0;
    for _ in 0..400 {
        generator.next_game(&mut game);
        game.comments = comments(&mut numbers, 0, game.moves.len());
        game.variations = variations(&mut numbers, &game.start, 0, &game.moves, 0);
        game.headers = vec![
            ("先手".to_owned(), game.black.clone()),
            ("備考".to_owned(), "x：y".to_owned()),
            ("後手".to_owned(), game.white.clone()),
        ];
        n_variations += game.variations.len();
        for (text, loss, format) in [
            {
                let mut text = String::new();
                let loss = write_kif(&game, &mut text);
                (text, loss, Format::Kif)
            },
            {
                let mut text = String::new();
                let loss = write_ki2(&game, &mut text);
                (text, loss, Format::Ki2)
            },
        ] {
            let found = read_full(text.as_bytes());
            assert_eq!(found.errors, [], "{text}");
            let back = &found.games[0];
            let mut expected = game.clone();
            if format == Format::Ki2 {
                expected.times_ms.fill(None);
            }
            assert_same_without_ratings(back, &expected);
            assert_eq!(without_told_evals(&back.comments), game.comments, "{text}");
            let keeps_times = format == Format::Kif;
            assert_eq!(
                normalized_all(&back.variations, keeps_times),
                normalized_all(&game.variations, keeps_times),
                "{text}"
            );
            for header in &game.headers {
                assert!(back.headers.contains(header), "{header:?} in {text}");
            }
            assert_eq!((loss.n_variations, loss.n_comments, loss.n_moves), (0, 0, 0));
            // What was read is written in the same way, and read as the same.
            let mut again = String::new();
            match format {
                Format::Kif => write_kif(back, &mut again),
                _ => write_ki2(back, &mut again),
            };
            assert_eq!(again, text);
        }
        let mut text = String::new();
        let loss = write_csa(&game, &mut text);
        let found = read_full(text.as_bytes());
        assert_eq!(found.errors, [], "{text}");
        let back = &found.games[0];
        assert_same(back, &game);
        for comment in game.comments.iter() {
            assert!(back.comments.iter().any(|other| other == comment), "{comment:?} in {text}");
        }
        let n_lines: u64 = game.variations.iter().map(n_lines).sum();
        assert_eq!(loss, Loss { n_variations: n_lines, n_headers: 1, ..Loss::NONE });
        let mut again = String::new();
        assert_eq!(write_csa(back, &mut again), Loss::NONE);
        assert_eq!(again, text);
    }
    assert!(n_variations > 300, "{n_variations}");
}

#[test]
fn trees_are_pinned() {
    let mut game = game(&Position::startpos(), "7g7f 3c3d", Ending::Resign, GameResult::BlackWins);
    let line = |ply: u32, moves: &str| {
        let moves: Vec<Move> = moves.split(' ').map(|usi| Move::from_usi(usi).unwrap()).collect();
        let n = moves.len();
        Variation {
            ply,
            moves,
            evals_cp: vec![None; n],
            times_ms: vec![None; n],
            ..Variation::default()
        }
    };
    game.variations = vec![line(0, "2g2f 8c8d"), line(1, "8c8d"), line(1, "4c4d"), line(9, "4c4d")];
    game.variations[0].variations = vec![line(1, "3c3d 7g7f")];
    game.variations[0].ending = Ending::Interrupted;
    let comment = |ply, text| Comment { ply, text };
    game.comments =
        [comment(0, "first"), comment(1, "&bookmark"), comment(2, "-7"), comment(7, "lost")]
            .into_iter()
            .collect();
    game.evals_cp[0] = Some(-31_990);
    game.white_rating = Some(7.0);
    let mut text = String::new();
    let loss = write_kif(&game, &mut text);
    let expected = "\
手合割：平手
手数----指手---------消費時間--
*first
   1 ７六歩(77)
**詰み=後手勝ち:10手
&bookmark
   2 ３四歩(33)
*-7
   3 投了
まで2手で後手の勝ち

変化：2手
   2 ８四歩(83)

変化：2手
   2 ４四歩(43)

変化：1手
   1 ２六歩(27)
   2 ８四歩(83)
   3 中断
まで2手で中断

変化：2手
   2 ３四歩(33)
   3 ７六歩(77)
";
    let expected = expected.replace("   3 投了\nまで2手で後手の勝ち", "まで2手で先手の勝ち");
    assert_eq!(text, expected);
    assert_eq!(loss.to_string(), "1 variation, 1 comment, 1 header field");
}

#[test]
fn headers_are_translated_and_fields_win() {
    let text = "V2.2\nN+a\nN-b\n$EVENT:e\n$SITE:s\n$START_TIME:2025/01/05 10:00:00\n\
                $OPENING:YAGURA\n$TIME_LIMIT:00:25+00\n$X:1\nPI\n+\n+7776FU\n%CHUDAN\n";
    let found = read_full(text.as_bytes());
    let mut game = found.games[0].clone();
    game.black = "other".to_owned();
    let in_kif = kif(&game);
    assert_eq!(
        in_kif.split_once("手数----").unwrap().0,
        "手合割：平手\n先手：other\n後手：b\n棋戦：e\n場所：s\n開始日時：2025/01/05 10:00:00\n\
         戦型：YAGURA\n持ち時間：00:25+00\n$X：1\n"
    );
    let mut game = read_full(in_kif.as_bytes()).games[0].clone();
    game.headers.push(("備考".to_owned(), "x".to_owned()));
    let mut text = String::new();
    let loss = write_csa(&game, &mut text);
    assert_eq!(
        text.split_once("P1").unwrap().0,
        "'CSA encoding=UTF-8\nV3.0\nN+other\nN-b\n$EVENT:e\n$SITE:s\n$START_TIME:2025/01/05 10:00:00\n\
         $OPENING:YAGURA\n$TIME_LIMIT:00:25+00\n$X:1\n"
    );
    assert_eq!(loss, Loss { n_headers: 1, ..Loss::NONE });
}

#[test]
fn times_of_kif_become_those_of_csa_where_it_can_tell_them() {
    for (limit, is_kept) in
        [("00:25+10", true), ("0:00+10", true), ("25分", false), ("1:2", false), (":+", false)]
    {
        let text = format!(
            "対局日：2025/01/05\n開始日時：2025/01/05 10:00:00\n持ち時間：{limit}\n\
             手合割：平手\n1 ７六歩(77)\n"
        );
        let mut csa = String::new();
        let loss = write_csa(&read_full(text.as_bytes()).games[0], &mut csa);
        assert!(csa.contains("$START_TIME:2025/01/05 10:00:00\n"), "{csa}");
        assert_eq!(csa.contains(&format!("$TIME_LIMIT:{limit}\n")), is_kept, "{csa}");
        // The day stands twice.
        assert_eq!(loss.n_headers, 1 + u64::from(!is_kept));
    }
}

#[test]
fn comments_of_floodgate_are_written_once() {
    let text = "V2.2\nN+a\nN-b\nPI\n+\n'black_rate:a:1500.0\n'Max_Moves:256\n+7776FU\nT1\n\
                '** 42 -3334FU\n-3334FU\nT2\n'** 30\n%TORYO\n'summary:toryo:a lose:b win\n'end\n";
    let found = read_full(text.as_bytes());
    assert_eq!(found.errors, []);
    let game = &found.games[0];
    assert_eq!((game.evals_cp[0], game.evals_cp[1]), (Some(42), Some(-30)));
    let mut again = String::new();
    assert_eq!(write_csa(game, &mut again), Loss::NONE);
    let (_, moves) = again.split_once("\n+\n").unwrap();
    let (_, expected) = text.split_once("\n+\n").unwrap();
    assert_eq!(moves, expected);
    // In KIF they tell the same.
    let in_kif = read_full(kif(game).as_bytes());
    assert_eq!(in_kif.games[0].evals_cp, game.evals_cp);
    assert_eq!(in_kif.games[0].comments, game.comments);
}

/// Else the text would be taken for another format, or for none.
#[test]
fn keys_that_are_no_headers_of_kif_are_lost_and_told() {
    let base = game(&Position::startpos(), "7g7f", Ending::Resign, GameResult::BlackWins);
    for (key, is_kept) in [
        ("備考", true),
        ("Elo", true),
        ("Version", true),
        ("$X", true),
        ("P1-KY-KE", false),
        ("７二玉(62) ( 0", false),
        ("{x", false),
        ("\u{FFFD}\u{FFFD}", false),
    ] {
        let mut game = base.clone();
        game.headers = vec![(key.to_owned(), "x".to_owned())];
        let mut text = String::new();
        let loss = write_kif(&game, &mut text);
        assert_eq!(loss, Loss { n_headers: u64::from(!is_kept), ..Loss::NONE }, "{key}");
        let found = read_full(text.as_bytes());
        assert_eq!(found.errors, [], "{text}");
        assert_eq!(found.games[0].headers.iter().any(|(found, _)| found == key), is_kept, "{text}");
        assert_eq!(found.games[0].moves, game.moves);
    }
}

#[test]
fn games_without_moves_stay_apart() {
    let starts = ["4k4/9/4P4/9/9/9/9/9/9 b G 1", "4k4/9/9/9/9/9/9/9/4K4 w p 1"];
    let mut games: Vec<GameRecord> = starts
        .iter()
        .map(|sfen| GameRecord::starting_at(&Position::from_sfen(sfen).unwrap()))
        .chain([GameRecord::default(), GameRecord::default()])
        .collect();
    games[1].headers = vec![("備考".to_owned(), "x".to_owned())];
    let mut text = String::new();
    write_records(Format::Kif, &games, &mut text);
    let found = read_full(text.as_bytes());
    assert_eq!(found.errors, [], "{text}");
    assert_eq!(found.games.len(), games.len(), "{text}");
    for (found, game) in found.games.iter().zip(&games) {
        assert_eq!(found.start, game.start, "{text}");
        assert_eq!(
            found.headers.iter().any(|(key, _)| key == "備考"),
            !game.headers.is_empty(),
            "{text}"
        );
    }
}
