"""How long `maou --help` and `import maou` take: medians of runs in turn.

python benches/startup.py [--runs 40]
"""

from __future__ import annotations

import statistics
import sys
from argparse import ArgumentParser

import measure


def main() -> None:
    """Print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    arguments = parser.parse_args()
    commands = {
        "bare interpreter": [sys.executable, "-c", "pass"],
        "`import maou`": [sys.executable, "-c", "import maou"],
        "`maou --help`": [measure.maou(), "--help"],
        "`maou info --help`": [measure.maou(), "info", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        measure.seconds(command)
    for _ in range(arguments.runs):
        for name, command in commands.items():
            times[name].append(measure.seconds(command))
    medians = {name: 1000 * statistics.median(runs) for name, runs in times.items()}
    bare = medians["bare interpreter"]
    print(measure.machine("maou") + f"; medians of {arguments.runs} runs\n")
    measure.table(
        ["", "ms", "beyond the interpreter, ms"],
        [[name, f"{ms:.1f}", f"{ms - bare:.1f}"] for name, ms in medians.items()],
    )


if __name__ == "__main__":
    main()
