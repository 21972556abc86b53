//! Repetition and perpetual check, told apart by the rules and compared with what is told.

use super::*;

const SHUFFLE: [&str; 4] = ["+2838HI", "-8272HI", "+3828HI", "-7282HI"];
const CHECKS: [&str; 4] = ["-9181OU", "+9989RY", "-8191OU", "+8999RY"];

fn csa(start: &str, moves: &[&str], end: &str) -> Found {
    read(format!("V2.2\n{start}{}\n{end}\n", moves.join("\n")).as_bytes())
}

fn told(found: &Found) -> (Ending, GameResult) {
    (found.games[0].ending, found.games[0].result)
}

#[test]
fn the_fourth_occurrence_is_a_draw() {
    let found = csa("PI\n+\n", &SHUFFLE.repeat(3), "%SENNICHITE");
    assert_eq!(messages(&found), [""; 0]);
    assert_eq!(told(&found), (Ending::Repetition, GameResult::Draw));
}

#[test]
fn without_the_fourth_occurrence_the_record_is_kept_and_reported() {
    let found = csa("PI\n+\n", &SHUFFLE.repeat(2), "%SENNICHITE");
    assert_eq!(
        messages(&found),
        [
            "contradiction: 12:1: expected the position there for the fourth time, found it there `3` \
          times, at the end `repetition: draw`"
        ]
    );
    assert_eq!(told(&found), (Ending::Repetition, GameResult::Draw));
    assert!(found.errors[0].kept);
}

#[test]
fn perpetual_check_loses_whatever_the_record_calls_it() {
    let start = "P1-OU *  *  *  *  *  *  *  * \nP9+RY *  *  *  *  *  *  *  * \nP+59OU\n-\n";
    let moves = CHECKS.repeat(3);
    let found = csa(start, &moves, "%SENNICHITE");
    assert_eq!(messages(&found), [""; 0]);
    assert_eq!(told(&found), (Ending::PerpetualCheck, GameResult::WhiteWins));
    let found = csa(start, &moves, "%SENNICHITE\n'summary:oute_sennichite:a win:b lose");
    assert_eq!(
        messages(&found),
        ["contradiction: 18:1: expected `Black` to lose by perpetual check, found \
          `perpetual_check: Black wins`"]
    );
    assert_eq!(told(&found), (Ending::PerpetualCheck, GameResult::Unknown));
}

#[test]
fn perpetual_check_without_check_is_reported() {
    let found =
        csa("PI\n+\n", &SHUFFLE.repeat(3), "%SENNICHITE\n'summary:oute_sennichite:a lose:b win");
    assert_eq!(
        messages(&found),
        ["contradiction: 16:1: expected check on every move, found others, at the end \
          `perpetual_check: White wins`"]
    );
    assert_eq!(told(&found), (Ending::PerpetualCheck, GameResult::WhiteWins));
}

#[test]
fn kif_tells_repetition_in_words() {
    let moves = ["３八飛(28)", "７二飛(82)", "２八飛(38)", "８二飛(72)"];
    let mut text = String::from("手合割：平手\n");
    for number in 0..12 {
        text += &format!("{:4} {}\n", number + 1, moves[number % 4]);
    }
    let found = read(format!("{text}  13 千日手\nまで12手で千日手\n").as_bytes());
    assert_eq!(messages(&found), [""; 0]);
    assert_eq!(told(&found), (Ending::Repetition, GameResult::Draw));
    let found = read("手合割：平手\n1 ７六歩(77)\n2 千日手\n".as_bytes());
    assert_eq!(
        messages(&found),
        [
            "contradiction: 3:1: expected the position there for the fourth time, found it there `1` \
          times, at the end `repetition: draw`"
        ]
    );
}
