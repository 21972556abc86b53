//! Trees of legal moves, walked by maou and by its peers in turn, on one thread.
//!
//! ```text
//! cargo run --release -- POSITIONS [RUNS]
//! ```
//!
//! POSITIONS is a file with an SFEN a line. Every side walks every tree as it is fastest: haitaka
//! copies boards and visits moves as they are generated, the others list moves, make and undo them.
//! Both ways of counting haitaka's moves are run, and the faster one counts. The output is a line
//! of JSON for each tree.

mod peers;

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;
use std::{env, fs};

use peers::{Haitaka, Maou, Peer, Rsshogi};

const MIDDLE: &str = "l6nl/5+P1gk/2np1S3/p1p4Pp/3P2Sp1/1PPb2P1P/P5GS1/R8/LN4bKL w GR5pnsg 1";
const WIDEST: &str = "R8/2K1S1SSk/4B4/9/9/9/9/9/1L1L1L3 b RBGSNLP3g3n17p 1";
const START: &str = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";

/// How the leaves of a tree are told.
#[derive(Clone, Copy, PartialEq)]
enum Leaves {
    /// The moves of the last ply are counted.
    Counted,
    /// Every leaf is made on the board.
    Made,
}

/// Positions, and how far their trees are walked.
struct Task<'a> {
    name: &'a str,
    positions: &'a [String],
    depth: usize,
    leaves: Leaves,
    /// Walks in one measurement, so that it takes long enough.
    n_walks: u32,
}

/// One side of a task: its name and what walks the trees.
type Side<'a> = (&'static str, Box<dyn FnMut() -> u64 + 'a>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("expected a file of SFENs, and maybe a number of runs")?;
    let n_runs = arguments.next().map_or(Ok(9), |text| text.parse())?;
    let given = fs::read_to_string(&path)?;
    let given: Vec<String> = given.lines().map(str::to_owned).collect();
    let [start, middle, widest] = [START, MIDDLE, WIDEST].map(|sfen| vec![sfen.to_owned()]);
    let task =
        |name, positions, depth, leaves, n_walks| Task { name, positions, depth, leaves, n_walks };
    use Leaves::{Counted, Made};
    for task in [
        task("start, depth 5, counted", &start, 5, Counted, 1),
        task("start, depth 4, made", &start, 4, Made, 4),
        task("middle game, depth 3, counted", &middle, 3, Counted, 8),
        task("middle game, depth 3, made", &middle, 3, Made, 1),
        task("593 moves, depth 2, counted", &widest, 2, Counted, 300),
        task("593 moves, depth 2, made", &widest, 2, Made, 40),
        task("given, depth 1, counted", &given, 1, Counted, 10),
        task("given, depth 2, counted", &given, 2, Counted, 1),
        task("given, depth 1, made", &given, 1, Made, 2),
    ] {
        compare(&task, n_runs);
    }
    Ok(())
}

/// Walks the trees of all sides in turn, and prints the seconds of each run.
fn compare(task: &Task<'_>, n_runs: usize) {
    let mut sides: Vec<Side<'_>> = vec![
        ("maou", walker::<Maou>(task)),
        ("haitaka", walker::<Haitaka<false>>(task)),
        ("rsshogi", walker::<Rsshogi>(task)),
    ];
    if task.leaves == Leaves::Counted {
        sides.push(("haitaka, `count`", walker::<Haitaka<true>>(task)));
    }
    let mut n_leaves = vec![0; sides.len()];
    let mut seconds = vec![Vec::new(); sides.len()];
    for _ in 0..n_runs {
        for (idx, (_, walk)) in sides.iter_mut().enumerate() {
            let before = Instant::now();
            for _ in 0..task.n_walks {
                n_leaves[idx] = black_box(walk());
            }
            seconds[idx].push(before.elapsed().as_secs_f64() / f64::from(task.n_walks));
        }
    }
    let sides = (0..sides.len()).map(|idx| {
        let (name, seconds) = (sides[idx].0, &seconds[idx]);
        format!(r#"{{"name": "{name}", "leaves": {}, "seconds": {seconds:?}}}"#, n_leaves[idx])
    });
    let sides = sides.collect::<Vec<_>>().join(", ");
    println!(
        r#"{{"task": "{}", "positions": {}, "sides": [{sides}]}}"#,
        task.name,
        task.positions.len()
    );
}

/// What walks the trees of a task; boards and room for the moves are made once.
fn walker<P: Peer + 'static>(task: &Task<'_>) -> Box<dyn FnMut() -> u64> {
    let mut peers: Vec<P> = task.positions.iter().map(|sfen| P::from_sfen(sfen)).collect();
    let (depth, leaves) = (task.depth, task.leaves);
    let mut lists: Vec<P::List> = (0..depth).map(|_| P::List::default()).collect();
    Box::new(move || {
        let walk = |peer: &mut P| match leaves {
            Leaves::Counted => peer.counted(depth, &mut lists),
            Leaves::Made => peer.made(depth, &mut lists),
        };
        peers.iter_mut().map(walk).sum()
    })
}
