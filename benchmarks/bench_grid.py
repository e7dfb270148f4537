"""Spectral intensities of one star: time beside the original's and beside the floor of memory bandwidth.

    python -m benchmarks.bench_grid --peers

11,000 optical and 7,500 infrared wavelengths at 8 mu, as LAMOST and APOGEE need them, from a grid of made-up
intensities or from a file (--grid). The point moves through the grid from call to call, so that caches do
not hold its neighbours.
"""

import math
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from dynamojax.atmosphere.grid_file import GridFile, open_grid
from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis
from tests.oracles.interpolation import interpolate3

NODES = {
    **{"teff": np.arange(3000.0, 7501.0, 500.0), "logg": np.arange(2.5, 5.01, 0.5)},
    "feh": np.array([-1.0, -0.5, 0.0, 0.5]),
}
N_MU, RANK, N_POINTS = 8, 64, 16
SEGMENTS = (
    Segment("optical", LogAxis(math.log(3650.0), 1 / 12_000, 11_000), representation="float32"),
    Segment("h_band", LogAxis(math.log(15_050.0), 1 / 60_000, 7_500), representation="float32"),
)


def made_up(path: Path) -> GridFile:
    """A grid of that size: black bodies with random lines that deepen as the star cools."""
    rng, mu = np.random.default_rng(0), quadrature_nodes(N_MU)[0][:, None]
    lines = {s.name: [rng.exponential(0.05, s.axis.n) for _ in range(4)] for s in SEGMENTS}
    facts = {"source": "made up", "licence": "none", "provenance": {}}
    with GridWriter(path, **NODES, n_mu=N_MU, segments=SEGMENTS, **facts) as writer:
        for t in NODES["teff"]:
            for g in NODES["logg"]:
                for f in NODES["feh"]:
                    spectra = {}
                    for s in SEGMENTS:
                        w, (a, b, c, d) = s.axis.wavelength, lines[s.name]
                        depth = a * (5500 / t) ** 2 + b * 10 ** (0.3 * f) + c * (t / 5500) + d * g / 4
                        planck = np.log10(1.191043e27 / w**5 / np.expm1(1.4387769e8 / (w * t)))
                        spectra[s.name] = planck + np.log10(1 - 0.6 * (5000 / w) * (1 - mu)) - depth * mu**0.3
                    writer.add(t, g, f, spectra)
    return open_grid(path)


def bandwidth() -> float:
    """Bytes a second of y = x + a z on arrays far larger than the caches, the fastest of XLA and NumPy."""
    x, z = np.ones(2**25, np.float32), np.ones(2**25, np.float32)
    y = np.empty_like(x)
    xla, _ = harness.time_jax(lambda x, z: x + 3.0 * z, jnp.asarray(x), jnp.asarray(z), n_runs=10)
    host, _ = harness.time_host(lambda: np.copyto(y, x), n_runs=10)
    return max(3 * x.nbytes / xla.fastest_s, 2 * x.nbytes / host.fastest_s)


def floor_bytes(grid: IntensityGrid) -> int:
    """What has to be read and written at the least: 64 spectra, or the basis; and the result."""
    result = len(grid.mu_nodes) * grid.n_wavelength * grid.mean.dtype.itemsize
    if grid.basis is not None:
        return grid.basis.nbytes + result
    return 64 * len(grid.mu_nodes) * grid.n_wavelength * grid.values.dtype.itemsize + result


def points(file: GridFile, n: int) -> list[np.ndarray]:
    """Parameters all over the models of the grid."""
    rng = np.random.default_rng(1)
    axes = [file.teff, file.logg, file.feh]
    whole = np.argwhere(_whole_cells(file.exists))
    cells = whole[rng.integers(0, len(whole), n)]
    return [
        axis[cells[:, k]] + rng.uniform(0, 1, n) * np.diff(axis)[cells[:, k]] for k, axis in enumerate(axes)
    ]


def _whole_cells(exists: np.ndarray) -> np.ndarray:
    for axis in range(3):
        exists = np.logical_and(
            *(np.take(exists, np.arange(s, exists.shape[axis] + s - 1), axis) for s in (0, 1))
        )
    return exists


def error_ppm(grid: IntensityGrid, at: list[np.ndarray]) -> float:
    """Largest error of the result at a few wavelengths against float64 NumPy on what the grid holds."""
    axes = [np.asarray(a, float) for a in (grid.teff, grid.logg, grid.feh)]
    chosen, worst = np.linspace(0, grid.n_wavelength - 1, 5).astype(int), 0.0
    for point in np.float32(np.array(at).T)[:4]:
        got = np.asarray(intensity(grid, *map(jnp.asarray, point))[0], float)[:, chosen]
        for j, w in enumerate(chosen):
            shape = grid.values[..., w] if grid.basis is None else grid.values @ grid.basis[:, w]
            held = np.asarray(shape, float) * np.asarray(grid.step, float)[..., None]
            held += np.asarray(grid.level, float) + float(grid.mean[w])
            for m in range(len(grid.mu_nodes)):
                want = np.exp(interpolate3(axes, held[..., m], point.astype(float)))
                worst = max(worst, abs(got[m, j] / want - 1))
    return 1e6 * worst


def representation_error(grids: list, exact: list, at: list[np.ndarray]) -> dict[str, float]:
    """Relative error of the flux at single wavelengths, beside the same grid in float32."""
    call, errors = jax.jit(intensity), []
    weight = quadrature_nodes(len(grids[0].mu_nodes))[1]
    for k in range(len(at[0])):
        star = [jnp.asarray(x[k]) for x in at]
        for grid, whole in zip(grids, exact, strict=True):
            got, want = (weight @ np.asarray(call(g, *star)[0], float) for g in (grid, whole))
            errors.append(np.abs(got / want - 1.0))
    every = np.concatenate(errors)
    return {"median": float(np.median(every)), "largest": float(every.max())}


def _in_turn(call, grids, at):
    """All points one after the other."""
    stars = [[jnp.asarray(x[k]) for x in at] for k in range(len(at[0]))]

    def run():
        for star in stars:
            jax.block_until_ready([call(grid, *star) for grid in grids])

    return run


def _each(timing: harness.Timing, n: int) -> harness.Timing:
    return harness.Timing(
        None, timing.run_s / n, timing.fastest_s / n, timing.spread_s / n, timing.n_runs, None
    )


def _total(grid, teff, logg, feh):
    return jnp.log(intensity(grid, teff, logg, feh)[0]).sum()


def measure(file: GridFile, kind: str, at: list[np.ndarray], peak: float, dtype: str) -> list[dict]:
    grids = [file.cut(segment=name, representation=kind, rank=RANK) for name in file.segments]
    exact = [file.cut(segment=name, representation="float32") for name in file.segments]
    lost = representation_error(grids, exact, at)
    del exact
    floor = sum(map(floor_bytes, grids))
    error = max(error_ppm(grid, at) for grid in grids)
    slopes = jax.jit(jax.value_and_grad(_total, argnums=(1, 2, 3)))
    batch, together = jax.jit(jax.vmap(intensity, (None, 0, 0, 0))), [jnp.asarray(x) for x in at]
    tasks = {
        "one star": (_in_turn(jax.jit(intensity), grids, at), 1),
        "one star, gradient": (_in_turn(slopes, grids, at), 1),
        "16 stars, vmap": (lambda: jax.block_until_ready([batch(g, *together) for g in grids]), N_POINTS),
    }
    rows = []
    for task, (run, stars) in tasks.items():
        timing = _each(harness.time_host(run, n_runs=10, budget_s=3.0)[0], N_POINTS // stars)
        facts = {
            **{"error_ppm": error, "device_bytes": sum(grid.n_bytes for grid in grids)},
            **{"representation_error": lost, "floor_bytes": floor, "floor_s": floor / peak},
            "over_floor": timing.run_s / stars / (floor / peak),
        }
        rows.append(harness.row(task, f"dynamojax {kind}", timing, dtype=dtype, batch=stars, **facts))
        harness.show(rows[-1])
    return rows


def phoenix_files(folder: Path) -> None:
    """Four files as the original reads them, of the true size: 78 mu, 500-26000 A in steps of 1 A."""
    from astropy.io import fits

    (models := folder / "models" / "Phoenix_mu").mkdir(parents=True)
    mu, wavelength = np.linspace(0.001, 1.0, 78), np.arange(500.0, 26000.0)
    for t in (5700, 5800):
        for g in (4.0, 4.5):
            planck = 1.191e27 / wavelength**5 / np.expm1(1.4387769e8 / (wavelength * t))
            flux = (planck * (1 - 0.6 * (1 - mu[:, None]))).astype(np.float32)
            name = f"lte{t:05d}-{g:.2f}-0.0.PHOENIX-ACES-AGSS-COND-SPECINT-2011.fits"
            fits.HDUList([fits.PrimaryHDU(flux), fits.ImageHDU(mu)]).writeto(models / name)


def original(file: GridFile) -> dict:
    """The routine of dynamo-stellar for the same wavelengths, its files in the system's cache."""
    from Dynamo.spectra import interpolate_Phoenix_mu_lc

    wavelength = np.concatenate([s.axis.wavelength for s in file.segments.values()])
    with tempfile.TemporaryDirectory() as folder:
        phoenix_files(Path(folder))
        star = SimpleNamespace(models_root=folder)
        for _ in range(2):  # the second finds the files in the system's cache
            start, cpu = time.perf_counter(), time.process_time()
            result = interpolate_Phoenix_mu_lc(star, 5772.0, 4.44, wv_array=wavelength)
            wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    timing = harness.Timing(None, wall, wall, 0.0, 1, None)
    at, got = np.asarray(result[1], float), np.asarray(result[2], float)
    truth = 1.191e27 / wavelength**5 / np.expm1(1.4387769e8 / (wavelength * 5772.0))
    return harness.row(
        "one star",
        f"dynamo-stellar {harness.version('dynamo-stellar')}",
        timing,
        dtype="float32",
        error_ppm=1e6 * float(np.abs(got[0] / truth - 1).max()),
        what="nearest of 1 A samples, linear in teff and logg, 78 mu, reads four FITS files; error at mu = 1 "
        "against the black body behind the files; where the machine is busy, cpu_s says more than run_s",
        cpu_s=cpu,
        wavelength_error=float(np.abs(at - wavelength).max()),
    )


def main() -> None:
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--grid", type=Path, help="a grid file; made up where left out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, harness.precision(options.dtype):
        file = open_grid(options.grid) if options.grid else made_up(Path(folder) / "grid.h5")
        at, peak, rows = points(file, N_POINTS), bandwidth(), []
        print(f"bandwidth {peak / 1e9:.1f} GB/s")
        for kind in ("float32", "int16", "low_rank"):
            rows += measure(file, kind, at, peak, options.dtype)
        peak = max(peak, bandwidth())
        if options.peers:
            rows.append(original(file))
            harness.show(rows[-1])
    rows.append(
        {"task": "bandwidth", "bytes_per_s": peak, "what": "largest of triad and copy, before and after"}
    )
    harness.write_results(options.name or f"grid_speed_{options.dtype}", rows)


if __name__ == "__main__":
    main()
