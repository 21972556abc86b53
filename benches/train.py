"""The loop with the loader beside the loop with one batch that stays in memory.

    python benches/train.py --model 2x32 --batch 256 --steps 30

On the processor the ratio of step times tells whether training waits for data; where
there is a GPU, positions a second of 10x192 in bf16 with the loader and without.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from maou_rust import maou_io, maou_shogi

from maou.train.config import Config
from maou.train.learner import Learner
from maou.train.network import Network
from maou.train.ranks import Ranks
from maou.training_set import TrainingSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def training_set(folder: Path, n_games: int) -> TrainingSet:
    """Make a training set of generated games."""
    records = folder / "records.csa"
    games = maou_shogi.generate(n_games, seed=1, format="csa")
    records.write_bytes(b"/\n".join(games))
    maou_io.convert([records], folder / "data")
    inputs = [(folder / "data", 1.0, None)]
    maou_io.prepare(inputs, folder / "train", memory=500_000_000)
    return TrainingSet(folder / "train")


def forever(data: TrainingSet, config: Config, *, pin: bool) -> Iterator[Any]:
    """Batches of one epoch after the other."""
    batches = data.batches(
        config.data.batch_size,
        features="compact",
        classes=2187,
        threads=config.data.threads,
        pin_memory=pin,
    )
    while True:
        yield from batches


def rounds(
    learner: Learner, device: torch.device, next_batch: Callable[[], Any], n_steps: int
) -> float:
    """Seconds a step, over some steps."""
    start = time.perf_counter()
    for _ in range(n_steps):
        learner.look(next_batch(), ends_step=True)
        learner.step(1000, 100_000)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / n_steps


def compare(data: TrainingSet, config: Config, device: torch.device, n: int) -> None:
    """Take turns, so that a slow minute of the machine meets both."""
    torch.manual_seed(0)
    ranks = Ranks(0, 1, device)
    learner = Learner(
        Network(config.model), config, ranks, config.data.batch_size, None
    )
    source = forever(data, config, pin=device.type == "cuda")
    resident = next(source).copy().torch(device)

    def loaded() -> Any:
        return next(source).torch(device, non_blocking=True)

    def kept() -> Any:
        return resident

    for warm in (kept, loaded):
        rounds(learner, device, warm, 3)
    pairs = [
        (rounds(learner, device, loaded, n), rounds(learner, device, kept, n))
        for _ in range(7)
    ]
    with_loader, without = (
        statistics.median(part) for part in zip(*pairs, strict=True)
    )
    ratio = statistics.median(a / b for a, b in pairs)
    size, batch = config.model.size, config.data.batch_size
    print(f"{device}, {size}, batch {batch}, amp {config.run.amp}")
    print(f"  with the loader    {batch / with_loader:>12,.0f} positions/s")
    print(f"  a resident batch   {batch / without:>12,.0f} positions/s")
    print(f"  step with / without{ratio:>12.3f}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="2x32")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--games", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20, help="of each of 14 rounds")
    parser.add_argument("--threads", type=int, default=1, help="of the loader")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = training_set(Path(folder), options.games)
        words = [f"model.size={options.model}", f"data.batch_size={options.batch}"]
        words.append(f"data.threads={options.threads}")
        compare(data, Config.from_words(words), torch.device("cpu"), options.steps)
        if not torch.cuda.is_available():
            print("no GPU that torch can use: positions/s of 10x192 in bf16 left out")
            return
        print(torch.cuda.get_device_name())
        words = ["model.size=10x192", "data.batch_size=4096", "run.amp=bf16"]
        for extra in ([], ["run.compile=true"]):
            config = Config.from_words([*words, *extra])
            compare(data, config, torch.device("cuda"), options.steps)


if __name__ == "__main__":
    main()
