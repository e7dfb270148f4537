"""Spectra of a spotted, rotating star at one epoch, from its parameters to pixels, beside the original.

The error is against the grid as it is, every one of 300,000 points shifted and added.

python -m benchmarks.bench_spectrum --peers
"""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from scipy import interpolate

import dynamojax as dj
from benchmarks import harness, original_spectra
from benchmarks.job import Job, frozen, spotted_star
from benchmarks.peers import dynamo
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.observables.photometry import dilution
from dynamojax.surface.geometry import equatorial_velocity
from dynamojax.surface.moments import caps_at
from tests.oracles import spectra as oracle

RESOLUTION, START, STOP = 1800.0, 3700.0, 9100.0  # LAMOST
TEFF, CONTRAST, INC, SHEAR = 5500.0, 1200.0, np.deg2rad(70.0), 0.2
N_SPOTS, N_POINTS, N_RINGS = 20, 300_000, 20
AS_IT_IS = dj.Smoothing(over=math.inf)
QUANTILES = {"median": 0.5, "99_percent": 0.99, "largest": 1.0}
MARGIN = 25  # samples at either end that the brute-force sum cannot reach


def spots() -> Job:
    """20 spots of 1 to 7 degrees, none upon another."""
    return replace(frozen(spotted_star(N_SPOTS, n_epochs=1)), inc=INC, shear=SHEAR)


def system(vsini: float) -> dj.System:
    """A star with these spots and no planet."""
    job = spots()
    star = dj.Star.from_degrees(
        teff=TEFF,
        logg=4.4,
        feh=0.05,
        inc_deg=np.rad2deg(INC),
        prot=50.5926 * np.sin(INC) / vsini,
        shear=SHEAR,
        spot_contrast=CONTRAST,
        convective_blueshift=0.0,
    )
    degrees = (np.rad2deg(q) for q in (job.lat, job.lon, job.radius))
    return dj.System(star, dj.SpotMap.from_degrees(*degrees), dj.Planets.empty())


def instrument(n_pixels: int) -> dj.Spectrograph:
    """LAMOST's range and resolution in so many pixels, even in ln(wavelength)."""
    edges = START * (STOP / START) ** (np.arange(n_pixels + 1) / n_pixels)
    centres = np.sqrt(edges[1:] * edges[:-1])
    return dj.Spectrograph("bench", (dj.Arm("bench", centres, edges, np.full(n_pixels, RESOLUTION)),), [0.0])


def simulator(n_pixels: int, smoothing: dj.Smoothing | None = None) -> dj.Simulator:
    """From the embedded grid, both components at their own place in it."""
    return dj.Simulator(
        dj.load_grid(),
        [],
        [instrument(n_pixels)],
        smoothing=smoothing,
        ranges={"teff": (3500, 6500), "logg": (3.5, 5.0), "feh": (-0.5, 0.5)},
        surface=dj.SurfaceConfig(law="constant"),
    )


def flux(simulate: dj.Simulator, system: dj.System):
    """What is timed."""
    return simulate(system).spectra["bench"].flux[0]


def slopes(simulate: dj.Simulator, system: dj.System):
    """Value and gradient of a misfit in every parameter."""
    return jax.value_and_grad(lambda s: jnp.sum((1e7 * flux(simulate, s) - 1) ** 2))(system)


def brute(simulate: dj.Simulator, system: dj.System, rows) -> np.ndarray:
    """Samples of the spectrum: every point of the disc shifted and added. In float64 mode."""
    grid, star, epoch = simulate.recorders[0].grid, system.star, dj.Epochs.from_days([0.0])
    position, half_sine, _ = caps_at(star, system.spots, epoch, simulate.surface)
    radii = 2 * np.arcsin(np.asarray(half_sine)[:, 0])
    caps = list(zip(np.asarray(position)[..., 0].T, radii, strict=True))
    points = oracle.disc_points(N_POINTS)
    part = oracle.components(*points, caps, [])
    speed = oracle.velocity(*points, *(float(x) for x in (equatorial_velocity(star), star.inc, star.shear)))
    window = (MARGIN, grid.n_wavelength - MARGIN)
    return oracle.binned_spectrum(rows, grid.mu, grid.ln_step, points, part, speed, window)


def recorded(samples: np.ndarray, simulate: dj.Simulator) -> np.ndarray:
    """Gaussian line spread function and means over pixels, by quadrature of a quintic spline."""
    grid = simulate.recorders[0].grid
    sigma = np.sqrt(RESOLUTION**-2 - grid.resolution**-2) / np.sqrt(8 * np.log(2))
    spline = interpolate.make_interp_spline(np.arange(samples.size) + MARGIN, samples, k=5)
    t = np.linspace(-6, 6, 97)
    kernel = np.exp(-0.5 * t * t) / np.exp(-0.5 * t * t).sum()
    edges = simulate.recorders[0].spectrograph.arms[0].edges
    out = np.zeros(edges.size - 1)
    for node, weight in zip(*np.polynomial.legendre.leggauss(3), strict=True):
        at = 0.5 * (edges[1:] + edges[:-1]) + 0.5 * node * np.diff(edges)
        where = (np.log(at)[:, None] - grid.ln_start + sigma * t) / grid.ln_step
        out += 0.5 * weight * (spline(where) @ kernel)
    return out


def truth(n_pixels: int, vsini: float) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Pixels by brute force, the intensities behind them, and their wavelengths."""
    with harness.precision("float64"):
        simulate, whole = simulator(n_pixels, AS_IT_IS), system(vsini)
        star = whole.star
        grid = simulate.recorders[0].grid
        temperatures = star.teff, star.teff - star.spot_contrast
        rows = [np.asarray(intensity(grid, t, star.logg, star.feh)[0]) for t in temperatures]
        pixels = recorded(brute(simulate, whole, rows), simulate) * float(dilution(star))
        return pixels, rows, np.asarray(grid.wavelength)


def measure(n_pixels: int, vsini: float, options) -> list[dict]:
    """Rows of this package and of the original for so many pixels."""
    exact, intensities, wavelength = truth(n_pixels, vsini)
    with harness.precision(options.dtype):
        simulate, star = simulator(n_pixels), system(vsini)
        timing, got = harness.time_jax(flux, simulate, star, n_runs=options.runs)
        error = np.abs(np.asarray(got, float) / exact - 1).max()
        facts = {"dtype": options.dtype, "n_pixels": n_pixels, "n_spots": N_SPOTS, "vsini": vsini}
        what = "parameters to pixels: interpolation in the grid, moving nodes, line spread function"
        value = harness.row("spectrum", "dynamojax", timing, **facts, error_ppm=1e6 * float(error), what=what)
        harness.show(value)
        timing, _ = harness.time_jax(slopes, simulate, star, n_runs=options.runs)
        gradient = harness.row("spectrum and gradient", "dynamojax", timing, **facts)
        gradient["over_value"] = timing.run_s / value["run_s"]
        harness.show(gradient)
        whole = simulator(n_pixels, AS_IT_IS)
        timing, got = harness.time_jax(flux, whole, star, n_runs=options.runs)
        error = np.abs(np.asarray(got, float) / exact - 1).max()
        as_it_is = harness.row(
            "spectrum, grid as it is", "dynamojax", timing, **facts, error_ppm=1e6 * float(error)
        )
        harness.show(as_it_is)
    rows = [value, gradient, as_it_is]
    if options.peers:
        rows += original(wavelength, intensities, simulate, exact, vsini)
        whole = sum(r["run_s"] for r in rows if r.get("is_whole"))
        value["original_over_ours"] = whole / value["run_s"]
        print(f"the original's rings, coverage and spectrum over ours: {value['original_over_ours']:.1f}")
    return rows


def departure(options, n_stars: int = 10) -> dict:
    """What smoothing the grid changes in spectra of stars between its models, relative to the flux."""
    rng, off = np.random.default_rng(1), []
    with harness.precision(options.dtype):
        smooth, whole = simulator(4000), simulator(4000, AS_IT_IS)
        for _ in range(n_stars):
            teff, logg, feh = rng.uniform((4700, 3.6, -0.45), (6400, 4.9, 0.45))
            star = dj.Star(**vars(system(12.0).star) | {"teff": teff, "logg": logg, "feh": feh})
            one = dj.System(star, system(12.0).spots, dj.Planets.empty())
            a, b = (np.asarray(flux(run, one), float) for run in (whole, smooth))
            off.append(np.abs(b / a - 1))
    facts = {f"error_{name}": float(np.quantile(off, q)) for name, q in QUANTILES.items()}
    row = {"task": "smoothing", "system": "dynamojax", "dtype": options.dtype, "n_stars": n_stars} | facts
    print(row)
    return row


def original(wavelength, intensities, simulate: dj.Simulator, exact, vsini: float) -> list[dict]:
    """The original's rings and its spectrum, on the same intensities at its 78 angles."""
    grid, pixels = simulate.recorders[0].grid, simulate.recorders[0].spectrograph.wavelength
    mu = np.linspace(1.0, 0.0, original_spectra.N_MU)
    basis = oracle.lagrange(grid.mu, mu)
    # its wavelengths are the pixels; it samples, and neither smooths nor bins
    given = [np.stack([np.interp(pixels, wavelength, row) for row in basis.T @ rows]) for rows in intensities]
    rows = []
    for n_rings in (10, 40, N_RINGS):
        rings, spectrum = original_spectra.rings_and_spectrum(
            pixels, *given, n_rings=n_rings, vsini=vsini, shear=SHEAR
        )
        timing, _ = harness.time_host(rings)
        facts = {"dtype": "float64", "n_pixels": pixels.size, "vsini": vsini, "is_whole": n_rings == N_RINGS}
        name = f"dynamo-stellar {harness.version('dynamo-stellar')}, {n_rings} rings"
        rows.append(harness.row("spectrum, rings of both components", name, timing, **facts))
        harness.show(rows[-1])
    loop, arguments = dynamo(spots(), N_RINGS)
    timing, _ = harness.time_host(loop, *arguments)
    facts = {"dtype": "float64", "n_pixels": pixels.size, "vsini": vsini, "is_whole": True}
    rows.append(harness.row("spectrum, what spots cover", name, timing, **facts))
    harness.show(rows[-1])
    filling = filling_percent(simulate, vsini)
    timing, got = harness.time_host(spectrum, filling)
    at = np.asarray(got)
    far = slice(300, -300)  # its convolutions know nothing beyond the ends
    shape = (at / at[far].mean())[far] / (exact / exact[far].mean())[far] - 1
    rows.append(
        harness.row(
            "spectrum, LAMOST's",
            f"dynamo-stellar {harness.version('dynamo-stellar')}",
            timing,
            dtype="float64",
            n_pixels=pixels.size,
            vsini=vsini,
            is_whole=True,
            error_ppm=1e6 * float(np.abs(shape).max()),
            what="of the shape, both spectra over their means; intensities at 78 mu given",
        )
    )
    harness.show(rows[-1])
    return rows


def filling_percent(simulate: dj.Simulator, vsini: float) -> float:
    """Share of the projected disc that spots cover."""
    points = oracle.disc_points(N_POINTS)
    position, half_sine, _ = caps_at(
        system(vsini).star, system(vsini).spots, dj.Epochs.from_days([0.0]), simulate.surface
    )
    radii = 2 * np.arcsin(np.asarray(half_sine, float)[:, 0])
    caps = list(zip(np.asarray(position, float)[..., 0].T, radii, strict=True))
    return 100 * float(np.mean(oracle.components(*points, caps, []) == 1))


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--pixels", type=int, nargs="+", default=[5000, 10000])
    parser.add_argument("--vsini", type=float, nargs="+", default=[12.0, 100.0], help="km/s")
    options = parser.parse_args(argv)
    rows = [row for n in options.pixels for v in options.vsini for row in measure(n, v, options)]
    rows.append(departure(options))
    print("written:", harness.write_results(options.name or f"spectrum_{options.dtype}", rows))


if __name__ == "__main__":
    main()
