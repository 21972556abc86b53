//! Evals in KIF, as each program writes them: both sides, with literal values.

use super::*;

/// The evals of a record of two moves with these comments.
fn evals(first: &str, second: &str) -> Vec<Option<i16>> {
    let text =
        format!("手合割：平手\n   1 ７六歩(77)\n{first}\n   2 ３四歩(33)\n{second}\n   3 中断\n");
    let expected = game(&text);
    for encoding in [Encoding::ShiftJis, Encoding::EucJp] {
        // The arrows of ShogiGUI and all other signs are in both.
        let found = read(&encode(&text, encoding));
        assert_eq!(found.games[0].evals_cp, expected.evals_cp, "{text}");
    }
    expected.evals_cp
}

#[test]
fn evals_seen_by_black_are_turned_for_white() {
    for (first, second, expected) in [
        ("**評価値=80\n*\n*#評価値=-60", "*#評価値=120", [Some(80), Some(-120)]),
        ("**詰み=先手勝ち:15手", "**詰み=先手勝ち:14手", [Some(31_985), Some(-31_986)]),
        ("*#詰み=後手勝ち", "*#詰み=後手勝ち:7手", [Some(-32_000), Some(31_993)]),
        (
            "**対局 時間 00:00.8 深さ 22/28 ノード数 744743 評価値 88 読み筋 ▲３四飛(24) ",
            "**対局 時間 00:01.0 深さ 20 ノード数 7 評価値 101 読み筋 △３三角(22) ",
            [Some(88), Some(-101)],
        ),
        (
            "**Engines 0 x\n**解析 0 ○ 候補1 時間 00:03.4 評価値 103↑ 読み筋 △\n\
             **解析 0  候補2 時間 00:03.4 評価値 40 読み筋 △",
            "**解析 0 ○ 評価値 -詰 12 読み筋 ▲",
            [Some(103), Some(31_988)],
        ),
        (
            "** Engine suisho Version Suisho5/YaneuraOu 候補1 深さ 13 評価値 -47 読み筋 △",
            "** Engine suisho Version Suisho5/YaneuraOu 候補1 深さ 13 評価値 -46 読み筋 ▲",
            [Some(-47), Some(46)],
        ),
        ("*#指し手[62]▲７六歩", "*#形勢[-30]", [Some(62), Some(30)]),
        ("** 42 -3334FU", "** 42", [Some(42), Some(-42)]),
        ("*評価値 +64  読み筋 3c3d", "*評価値 +44", [Some(64), Some(-44)]),
    ] {
        assert_eq!(evals(first, second), expected, "{first}");
    }
}

#[test]
fn evals_of_shogidokoro_are_those_of_the_side_that_moved() {
    let first = "*-30\n*▲７六歩(77)△３四歩(33)";
    assert_eq!(evals(first, "*25\n*△３四歩(33)"), [Some(-30), Some(25)]);
    assert_eq!(
        evals("*+Mate:5\n*▲７六歩(77)", "*-Mate\n*△３四歩(33)"),
        [Some(31_995), Some(-32_000)]
    );
    // A number without a line of moves is anybody's comment.
    assert_eq!(evals("*30\n*good", "*100"), [None, None]);
}

#[test]
fn numbers_in_comments_of_people_are_no_evals() {
    assert_eq!(evals("*評価値300点くらい", "*この手の 評価値 300"), [None, None]);
    assert_eq!(evals("*３手目", "*<analyze>-120 x</analyze>"), [None, None]);
}

#[test]
fn evals_before_the_first_move_and_after_the_end_belong_to_none() {
    let text = "手合割：平手\n**評価値=9\n1 ７六歩(77)\n2 投了\n**評価値=7\n";
    let found = game(text);
    assert_eq!((found.evals_cp, found.n_comments), (vec![None], 2));
}

#[test]
fn evals_of_gui_in_csa() {
    let text =
        "V2.2\nPI\n+\n+7776FU\n'**評価値=80\n-3334FU\n'*#評価値=80\n+2726FU\n'*評価値=1\n%TORYO\n";
    let found = game(text);
    assert_eq!((found.evals_cp, found.n_comments), (vec![Some(80), Some(-80), None], 1));
}
