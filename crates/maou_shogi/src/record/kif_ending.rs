//! How KIF tells the end of a game: a word in place of a move, and a line that begins with まで.

use super::ending::Verdict;
use super::{Ending, GameResult};
use crate::Color;

/// The verdict of a word that stands in place of a move, with `turn` to move.
pub(super) fn of_word(word: &str, turn: Color) -> Option<Verdict> {
    let verdict = match word {
        "投了" => Verdict::of(Ending::Resign, turn),
        "中断" | "封じ手" => Verdict::of(Ending::Interrupted, turn),
        "千日手" => Verdict::of(Ending::Repetition, turn),
        "連続王手の千日手" | "連続王手千日手" | "王手千日手" => {
            Verdict::of(Ending::PerpetualCheck, turn)
        }
        "持将棋" => Verdict::of(Ending::Impasse, turn),
        "引き分け" | "引分" | "引分け" => {
            Verdict { ending: Ending::Unknown, result: Some(GameResult::Draw) }
        }
        "最大手数" | "手数制限" => Verdict::of(Ending::MaxMoves, turn),
        "詰み" | "詰" => Verdict::of(Ending::Checkmate, turn),
        "不詰" => Verdict::of(Ending::NoMate, turn),
        "切れ負け" | "時間切れ" | "時間切れ負け" => Verdict::of(Ending::Time, turn),
        // The side to move wins, because of the move before.
        "反則勝ち" => Verdict::won_by(Ending::IllegalMove, turn),
        "反則負け" => Verdict::won_by(Ending::IllegalMove, turn.opponent()),
        "反則" => Verdict { ending: Ending::IllegalMove, result: None },
        "入玉勝ち" | "入玉宣言" | "入玉宣言勝ち" | "宣言勝ち" | "勝ち宣言" => {
            Verdict::of(Ending::Declaration, turn)
        }
        "不戦勝" => Verdict::won_by(Ending::Walkover, turn),
        "不戦敗" => Verdict::won_by(Ending::Walkover, turn.opponent()),
        "待った" => Verdict::of(Ending::Takeback, turn),
        "エラー" => Verdict::of(Ending::Error, turn),
        _ => return None,
    };
    Some(verdict)
}

/// The verdict of a line such as `まで85手で先手の勝ち`, with `turn` to move.
pub(super) fn of_line(line: &str, turn: Color) -> Option<Verdict> {
    let text = line.strip_prefix("まで")?;
    let winner = named_winner(text);
    let of =
        |ending| winner.map_or(Verdict::of(ending, turn), |winner| Verdict::won_by(ending, winner));
    // The more special words come first: 不詰 holds 詰.
    let verdict = if text.contains("中断") || text.contains("封じ手") {
        Verdict::of(Ending::Interrupted, turn)
    } else if text.contains("不詰") {
        Verdict::of(Ending::NoMate, turn)
    } else if text.contains("王手") && text.contains("千日手") {
        Verdict { ending: Ending::PerpetualCheck, result: winner.map(GameResult::win_of) }
    } else if text.contains("千日手") {
        Verdict::of(Ending::Repetition, turn)
    } else if text.contains("持将棋") {
        Verdict::of(Ending::Impasse, turn)
    } else if text.contains("最大手数") || text.contains("手数制限") {
        Verdict::of(Ending::MaxMoves, turn)
    } else if text.contains("切れ") {
        of(Ending::Time)
    } else if text.contains("反則") {
        let result = winner.map(GameResult::win_of);
        Verdict { ending: Ending::IllegalMove, result }
    } else if text.contains("入玉") || text.contains("宣言") {
        of(Ending::Declaration)
    } else if text.contains("不戦") {
        Verdict { ending: Ending::Walkover, result: winner.map(GameResult::win_of) }
    } else if text.contains("詰") {
        of(Ending::Checkmate)
    } else if text.contains("引き分け") || text.contains("引分") {
        Verdict { ending: Ending::Unknown, result: Some(GameResult::Draw) }
    } else if text.contains("待った") {
        Verdict::of(Ending::Takeback, turn)
    } else if text.contains("エラー") {
        Verdict::of(Ending::Error, turn)
    } else if winner.is_some() || text.contains("投了") {
        of(Ending::Resign)
    } else {
        return None;
    };
    Some(verdict)
}

/// Who wins in `先手の勝ち`, `上手の反則負け` and the like.
fn named_winner(text: &str) -> Option<Color> {
    // 後手の反則負けにより先手の勝ち names the winner last.
    let text = text.rsplit("により").find(|part| !part.is_empty()).unwrap_or(text);
    let side = |names: [&str; 2]| names.iter().any(|name| text.contains(name));
    let named = match (side(["先手", "下手"]), side(["後手", "上手"])) {
        (true, false) => Color::Black,
        (false, true) => Color::White,
        _ => return None,
    };
    if text.contains("負") || text.contains("敗") {
        // 時間切れ負けにより後手の勝ち names the winner all the same.
        return Some(if text.contains("の勝ち") { named } else { named.opponent() });
    }
    text.contains("勝").then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines() {
        use Color::{Black, White};
        let draw = |ending| Verdict { ending, result: Some(GameResult::Draw) };
        let open = |ending| Verdict { ending, result: None };
        for (line, expected) in [
            ("まで85手で先手の勝ち", Verdict::won_by(Ending::Resign, Black)),
            ("まで104手で投了", Verdict::won_by(Ending::Resign, Black)),
            ("まで104手で下手の勝ち", Verdict::won_by(Ending::Resign, Black)),
            ("まで104手で上手の勝ち", Verdict::won_by(Ending::Resign, White)),
            ("まで3手で中断", open(Ending::Interrupted)),
            ("まで52手で封じ手", open(Ending::Interrupted)),
            ("まで3手で時間切れにより先手の勝ち", Verdict::won_by(Ending::Time, Black)),
            ("まで3手で切れ負けにより後手の勝ち", Verdict::won_by(Ending::Time, White)),
            ("まで3手で後手の切れ負け", Verdict::won_by(Ending::Time, Black)),
            ("まで1手で先手の反則負け", Verdict::won_by(Ending::IllegalMove, White)),
            ("まで2手で後手の反則勝ち", Verdict::won_by(Ending::IllegalMove, White)),
            (
                "まで2手で後手の反則負けにより先手の勝ち",
                Verdict::won_by(Ending::IllegalMove, Black),
            ),
            ("まで512手で最大手数により", draw(Ending::MaxMoves)),
            ("まで4手で千日手", draw(Ending::Repetition)),
            (
                "まで4手で連続王手の千日手により後手の勝ち",
                Verdict::won_by(Ending::PerpetualCheck, White),
            ),
            ("まで2手で持将棋", draw(Ending::Impasse)),
            ("まで512手で最大手数により引き分け", draw(Ending::MaxMoves)),
            ("まで2手で引き分け", draw(Ending::Unknown)),
            ("まで3手で先手の入玉勝ち", Verdict::won_by(Ending::Declaration, Black)),
            ("まで0手で後手の不戦敗", Verdict::won_by(Ending::Walkover, Black)),
            ("まで0手で後手の不戦勝", Verdict::won_by(Ending::Walkover, White)),
            ("まで61手詰", Verdict::won_by(Ending::Checkmate, Black)),
            ("まで3手で詰", Verdict::won_by(Ending::Checkmate, Black)),
            ("まで3手で不詰", open(Ending::NoMate)),
        ] {
            assert_eq!(of_line(line, White), Some(expected), "{line}");
        }
        assert_eq!(of_line("まで3手", White), None);
        assert_eq!(of_line("3手で先手の勝ち", White), None);
    }

    #[test]
    fn words_in_place_of_a_move() {
        use Color::{Black, White};
        for (word, ending, winner) in [
            ("投了", Ending::Resign, Some(White)),
            ("中断", Ending::Interrupted, None),
            ("封じ手", Ending::Interrupted, None),
            ("詰み", Ending::Checkmate, Some(White)),
            ("不詰", Ending::NoMate, None),
            ("切れ負け", Ending::Time, Some(White)),
            ("反則勝ち", Ending::IllegalMove, Some(Black)),
            ("反則負け", Ending::IllegalMove, Some(White)),
            ("入玉勝ち", Ending::Declaration, Some(Black)),
            ("不戦勝", Ending::Walkover, Some(Black)),
            ("不戦敗", Ending::Walkover, Some(White)),
            ("待った", Ending::Takeback, None),
            ("エラー", Ending::Error, None),
        ] {
            let verdict = of_word(word, Black).unwrap();
            assert_eq!(verdict.ending, ending, "{word}");
            assert_eq!(verdict.result, winner.map(GameResult::win_of), "{word}");
        }
        for (word, ending) in [
            ("千日手", Ending::Repetition),
            ("持将棋", Ending::Impasse),
            ("最大手数", Ending::MaxMoves),
            ("引き分け", Ending::Unknown),
        ] {
            let verdict = of_word(word, Black).unwrap();
            assert_eq!(verdict, Verdict { ending, result: Some(GameResult::Draw) }, "{word}");
        }
        assert_eq!(of_word("敗北", Black), None);
    }
}
