"""The whole chain against nine million pixels: overlapping, evolving spots, faculae and a transit.

python -m benchmarks.bench_chain --dtype float64
"""

import numpy as np

import dynamojax as dj
from benchmarks import harness
from tests.test_simulate import _brute_force, _system

TIMES = np.array([0.0, 0.97, 1.0, 2.5, 4.03, 6.1])


def chain_row(options) -> dict:
    """Time and largest error of the light curve."""
    with harness.precision(options.dtype):
        grid, system = dj.load_grid().select(("kepler",)), _system()
        surface = dj.SurfaceConfig(overlap="exact", faculae=True)
        simulate = dj.Simulator(grid, [dj.Photometer("kepler", ("kepler",), TIMES)], surface=surface)
        timing, seen = harness.time_jax(lambda run, s: run(s), simulate, system, n_runs=options.runs)
    with harness.precision("float64"):  # the pixels are always in double precision
        truth = _brute_force(dj.load_grid().select(("kepler",)), _system(), TIMES)
    error = np.abs(np.asarray(seen.light_curves["kepler"].flux[0], float) - truth).max()
    return harness.row("whole chain", "dynamojax", timing, dtype=options.dtype, error_ppm=1e6 * float(error))


def main(argv=None) -> None:
    """Measure, print and write the row."""
    options = harness.arguments("The whole chain against pixels.").parse_args(argv)
    row = chain_row(options)
    harness.show(row)
    print("written:", harness.write_results(options.name or f"chain_{options.dtype}", [row]))


if __name__ == "__main__":
    main()
