//! What is kept beside the main line: headers, comments and variations.

use super::*;

/// The games of a record, everything kept.
pub(super) fn read_full(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    Reader::full().read(bytes, &mut found);
    found
}

/// A tree as text: each line's ply, moves and ending, those that leave it in parentheses.
pub(super) fn outline(game: &GameRecord) -> String {
    fn variations(lines: &[Variation]) -> String {
        let moves = |line: &Variation| {
            line.moves.iter().map(|mv| mv.to_usi()).collect::<Vec<_>>().join(" ")
        };
        let show = |line: &Variation| {
            let inner = variations(&line.variations);
            format!(" ({}: {}{inner})", line.ply, moves(line))
        };
        lines.iter().map(show).collect()
    }
    format!("{}{}", usi(game), variations(&game.variations))
}

const TREE: &str = "\
手合割：平手
先手：A
備考：x：y
*before
   1 ７六歩(77)   ( 0:01/00:00:01)
*one
   2 ３四歩(33)
   3 ２六歩(27)
   4 ８四歩(83)
   5 投了
まで4手で後手の勝ち

変化：4手
   4 ４四歩(43)
*in
   5 ４八銀(39)
   6 ３二飛(82)

変化：6手
   6 ４二飛(82)   ( 0:05/00:00:05)
   7 中断

変化：5手
   5 ２五歩(26)

変化：5手
   5 ６八飛(28)

変化：4手
   4 ５四歩(53)

変化：2手
   2 ８四歩(83)
";

#[test]
fn variations_make_a_tree() {
    let found = read_full(TREE.as_bytes());
    assert_eq!(messages(&found), [""; 0]);
    let game = &found.games[0];
    assert_eq!(
        outline(game),
        "7g7f 3c3d 2g2f 8c8d (1: 8c8d) (3: 4c4d 3i4h 8b3b (4: 2f2e) (4: 2h6h) (5: 8b4b)) (3: 5c5d)"
    );
    assert_eq!((game.ending, game.result), (Ending::Resign, GameResult::WhiteWins));
    let inner = &game.variations[1].variations[2];
    assert_eq!((inner.ending, inner.times_ms[0]), (Ending::Interrupted, Some(5_000)));
    let said = |comments: &Comments| -> Vec<_> {
        comments.iter().map(|c| (c.ply, c.text.to_owned())).collect()
    };
    assert_eq!(said(&game.comments), [(0, "before".to_owned()), (1, "one".to_owned())]);
    assert_eq!(said(&game.variations[1].comments), [(4, "in".to_owned())]);
    let pairs = [("先手", "A"), ("備考", "x：y")];
    assert_eq!(game.headers, pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!((game.n_comments, game.n_variations), (0, 0));
}

#[test]
fn without_the_tree_its_parts_are_counted() {
    let found = read(TREE.as_bytes());
    assert_eq!(messages(&found), [""; 0]);
    let game = &found.games[0];
    assert_eq!(outline(game), "7g7f 3c3d 2g2f 8c8d");
    assert_eq!((game.n_comments, game.n_variations), (3, 6));
    assert_eq!((game.headers.len(), game.comments.len()), (0, 0));
}

#[test]
fn a_bad_variation_is_kept_up_to_there() {
    let text = "手合割：平手\n1 ７六歩(77)\n2 ３四歩(33)\n3 投了\n\n\
                変化：2手\n2 ８四歩(83)\n3 ２二角成(88)\n4 同　銀(31)\n変化：1手\n1 ２六歩(27)\n2 ９九玉\n";
    let found = read_full(text.as_bytes());
    assert_eq!(
        messages(&found),
        [
            "illegal_move: 8:3: expected a legal move, found `２二角成(88)`",
            "illegal_move: 12:3: expected a legal move, found `９九玉`"
        ]
    );
    let game = &found.games[0];
    assert_eq!(outline(game), "7g7f 3c3d (0: 2g2f) (1: 8c8d)");
    assert_eq!((game.ending, game.tail.as_str()), (Ending::Resign, ""));
    assert_eq!(game.variations[0].tail, "９九玉");
    assert_eq!(game.variations[1].tail, "２二角成(88)\n4 同　銀(31)");
}

#[test]
fn variations_in_any_order_find_their_line() {
    let text = "手合割：平手\n1 ７六歩(77)\n2 ３四歩(33)\n3 ２六歩(27)\n\
                変化：1手\n1 ２六歩(27)\n変化：3手\n3 ６六歩(67)\n変化：4手\n4 ８四歩(83)\n\
                変化：9手\n9 ８四歩(83)\n変化：手\n1 ５六歩(57)\n";
    let found = read_full(text.as_bytes());
    assert_eq!(
        messages(&found),
        [
            "move_number: 11:1: expected a variation such as `変化：4手`, from 1 to 4, \
             found `変化：9手`",
            "move_number: 13:1: expected a variation such as `変化：4手`, from 1 to 4, \
             found `変化：手`",
        ]
    );
    assert_eq!(outline(&found.games[0]), "7g7f 3c3d 2g2f (0: 2g2f) (2: 6g6f (3: 8c8d))");
    assert_eq!(found.games[0].n_variations, 2);
}

#[test]
fn variations_nest_up_to_a_depth() {
    let mut text = String::from("手合割：平手\n1 ７六歩(77)\n2 ３四歩(33)\n");
    let shuffle = ["４八金(49)", "４二金(41)", "４九金(48)", "４一金(42)"];
    for number in 1..=500 {
        // Each is one move longer than the one before, which it leaves.
        let (first, second) = (shuffle[(number - 1) % 4], shuffle[number % 4]);
        let next = number + 1;
        text += &format!("変化：{number}手\n{number} {first}\n{next} {second}\n");
    }
    let found = read_full(text.as_bytes());
    assert_eq!(found.games.len(), 1);
    assert_eq!(found.errors[0].kind, ErrorKind::MoveNumber);
    assert_eq!(
        found.errors[0].to_string(),
        "601:1: expected fewer variations within each other, found `変化：200手`"
    );
}
