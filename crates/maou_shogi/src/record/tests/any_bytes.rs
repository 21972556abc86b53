//! No bytes make a reader panic, and what it keeps is legal (the sink of the tests checks that).

use super::*;

const SAMPLES: [&str; 4] = [
    "V2.2\nN+山田\nN-b\n'black_rate:a:1500.5\n$EVENT:e\n$START_TIME:2025/01/05\n\
     P1-KY-KE-GI-KI-OU-KI-GI-KE-KY\nP2 * -HI *  *  *  *  * -KA * \nP3-FU-FU-FU-FU-FU-FU-FU-FU-FU\n\
     P4 *  *  *  *  *  *  *  *  * \nP5 *  *  *  *  *  *  *  *  * \nP6 *  *  *  *  *  *  *  *  * \n\
     P7+FU+FU+FU+FU+FU+FU+FU+FU+FU\nP8 * +KA *  *  *  *  * +HI * \nP9+KY+KE+GI+KI+OU+KI+GI+KE+KY\n\
     +\n+7776FU\nT12\n'** 42 -3334FU\n-3334FU,T3\n+8822UM,'comment\nT1.5\n-3122GI\n+0055KA\n%TORYO\n\
     'summary:toryo:a lose:b win\n/\nPI82HI22KA\nP+00FU\nP-00AL\n-\n-5142OU\n%SENNICHITE\n",
    "#KIF version=2.0\n開始日時：2014/10/12(日)\n棋戦：表示戦\n手合割：平手　　\n先手：山田\n後手：鈴木\n\
     手数----指手---------消費時間--\n*コメント\n   1 ７六歩(77)   ( 0:02/00:00:02)\n\
     \u{20}  2 ３四歩(33)   ( 1:05/00:01:05)+\n   3 ２二角成(88) ( 0:06/00:00:08)\n\
     \u{20}  4 同　銀(31)   ( 0:00/00:01:05)\n   5 ４五角打     ( 0:01/00:00:09)\n\
     \u{20}  6 投了         ( 0:51/00:00:56)\nまで5手で先手の勝ち\n\n変化：2手\n   2 ８四歩(83)\n\
     手合割：二枚落ち\n1 ６二銀(71)\n2 反則負け\n",
    "後手の持駒：飛二　歩十六\n  ９ ８ ７ ６ ５ ４ ３ ２ １\n+---------------------------+\n\
     | ・ ・ ・ ・ ・ ・ ・v桂v香|一\n| ・ ・ ・ ・ ・ ・ ・v玉 ・|二\n| ・ ・ ・ ・ ・ ・ ・v歩 ・|三\n\
     | ・ ・ ・ ・ ・ ・ ・ ・ ・|四\n| ・ ・ ・ ・ ・ ・ ・ ・ 歩|五\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|六\n\
     | ・ ・ ・ ・ ・ ・ ・ ・ ・|七\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|八\n| ・ ・ ・ ・ ・ ・ ・ ・ ・|九\n\
     +---------------------------+\n先手の持駒：金　銀\n後手番\n手数----指手--\n1 ３二玉(22)\n2 詰み\n",
    "手合割：平手\n先手：山田\n備考：なし\n\n▲７六歩    △３四歩    ▲２二角成  △同　銀\n*-30\n*▲６五角打\n\
     ▲４五角打  △６二金右  ▲６三角成  △同　金\n**評価値=-120\n&しおり\nまで8手で後手の勝ち\n\n変化：6手\n\
     △５二金右  ▲５八金左\n*#詰み=先手勝ち:3手\nまで7手で中断\n\n変化：7手\n▲３四角\n\n変化：2手\n△８四歩\n",
];

/// A fixed sequence of numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    const LIKELY: &[u8] =
        b"+-T'%PN$V/\n\r,: 0123456789*&#|()\0\x1A\x80\x81\x8E\x8F\xA4\xE3\xEF\xFF";
    let at = numbers.below(bytes.len());
    match numbers.below(6) {
        0 => bytes[at] = LIKELY[numbers.below(LIKELY.len())],
        1 => bytes[at] = numbers.below(256) as u8,
        2 => bytes.insert(at, LIKELY[numbers.below(LIKELY.len())]),
        3 => drop(bytes.drain(at..(at + 1 + numbers.below(9)).min(bytes.len()))),
        4 => {
            let end = (at + 1 + numbers.below(40)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = numbers.below(bytes.len());
            bytes.splice(to..to, piece);
        }
        _ => bytes.truncate(at + 1),
    }
    if bytes.is_empty() {
        bytes.push(b'+');
    }
}

#[test]
fn mutated_records_never_panic() {
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let mut readers = [Reader::new(), Reader::full()];
    let mut n_games = 0;
    for sample in SAMPLES {
        for encoding in [Encoding::Utf8, Encoding::ShiftJis, Encoding::EucJp] {
            let original = encode(sample, encoding);
            for number in 0..3_000 {
                let mut bytes = original.clone();
                for _ in 0..=numbers.below(6) {
                    mutate(&mut bytes, &mut numbers);
                }
                let mut found = Found::default();
                let format = readers[number % 2].read(&bytes, &mut found);
                assert!(format.is_some() || found.games.is_empty() && found.errors.len() == 1);
                n_games += found.games.len();
                for game in &found.games {
                    let mut text = String::new();
                    write_csa(game, &mut text);
                    write_kif(game, &mut text);
                    write_ki2(game, &mut text);
                }
            }
        }
    }
    assert!(n_games > 10_000, "mutations are mild enough to leave games: {n_games}");
}

#[test]
fn every_prefix_is_read() {
    for sample in SAMPLES {
        for encoding in [Encoding::Utf8, Encoding::ShiftJis, Encoding::EucJp] {
            let bytes = encode(sample, encoding);
            for end in 0..=bytes.len() {
                let (table, full) = (read(&bytes[..end]), tree::read_full(&bytes[..end]));
                // What the table holds is the same in both ways.
                let columns = |found: &Found| -> Vec<String> {
                    let show = |game: &GameRecord| {
                        let ending = (game.ending, game.result, &game.tail, &game.black);
                        format!("{:?} {:?} {ending:?}", game.moves, game.evals_cp)
                    };
                    found.games.iter().map(show).collect()
                };
                assert_eq!(columns(&table), columns(&full));
            }
        }
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut numbers = Numbers(7);
    let mut reader = Reader::new();
    for len in 0..2_000 {
        let bytes: Vec<u8> = (0..len % 300).map(|_| numbers.below(256) as u8).collect();
        reader.read(&bytes, &mut Found::default());
        let bytes: Vec<u8> = [b"PI\n+\n".as_slice(), &bytes].concat();
        reader.read(&bytes, &mut Found::default());
        let bytes: Vec<u8> = ["手合割：平手\n1 ".as_bytes(), &bytes].concat();
        reader.read(&bytes, &mut Found::default());
    }
}
