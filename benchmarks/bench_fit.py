"""Fits: made-up stars found again, and real stars; how long it takes is in `bench_fit_speed`.

    python -m benchmarks.bench_fit inject --stars 200 --mode light --folder runs/    # resumable
    python -m benchmarks.bench_fit sum --folder runs/
    python -m benchmarks.bench_fit real --data ../shared/data

A run of `inject` that was interrupted goes on with the stars that neither its folder nor the results have.
"""

import argparse
from pathlib import Path

from benchmarks.fit_inject import inject
from benchmarks.fit_stars import MODES
from benchmarks.fit_table import sum_up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("task", choices=["inject", "sum", "real"])
    parser.add_argument("--mode", choices=MODES, nargs="+", default=list(MODES))
    parser.add_argument("--stars", type=int, default=16)
    parser.add_argument("--first", type=int, default=145, help="0 to 19 served in tuning, 20 to 144 before")
    parser.add_argument("--folder", type=Path, default=Path("bench_fit"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--privateer", type=Path, help="folder of star_privateer, if it is not installed")
    options = parser.parse_args()
    if options.task == "inject":
        inject(range(options.first, options.first + options.stars), options.mode, options.folder)
    elif options.task == "sum":
        sum_up(options.folder)
    else:
        from benchmarks.fit_real import real

        real(options.data, options.privateer)


if __name__ == "__main__":
    main()
