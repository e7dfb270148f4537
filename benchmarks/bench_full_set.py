"""Everything of one star, in batches: Kepler and TESS for 27 days with 100 spots, LAMOST and APOGEE once.

python -m benchmarks.bench_full_set --batch 1 8 --peers

The original's time is put together from its own routines, each measured in this run: the light-curve loop
over 300 epochs, times the epochs there are; the interpolation of PHOENIX for photosphere and spot at the
pixels of both spectrographs, its files in the system's cache; its spectrum of each spectrograph.
"""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from benchmarks import bench_grid, harness, original_spectra
from benchmarks.job import spotted_star
from benchmarks.peers import dynamo

N_SPOTS, DAYS, LOOP_EPOCHS = 100, 27, 300
RANGES = {"teff": (4000.0, 6500.0), "logg": (4.0, 5.0), "feh": (-0.5, 0.5)}


def population(n: int) -> dj.System:
    """Stars of the main sequence, each with 100 evolving spots."""
    rng = np.random.default_rng(7)
    systems = []
    for i in range(n):
        job = spotted_star(N_SPOTS, seed=i, n_epochs=round(48 * DAYS))
        star = dj.Star.from_degrees(
            teff=rng.uniform(5200, 6300),
            logg=rng.uniform(4.1, 4.8),
            feh=rng.uniform(-0.4, 0.4),
            prot=rng.uniform(4, 25),
            inc_deg=rng.uniform(20, 90),
            spot_contrast=rng.uniform(300, 1200),
        )
        degrees = (np.rad2deg(q) for q in (job.lat, job.lon, job.radius))
        times = {"t_max": job.t_max, "tau_emerge": job.tau_emerge, "tau_decay": job.tau_decay}
        systems.append(dj.System(star, dj.SpotMap.from_degrees(*degrees, **times), dj.Planets.empty()))
    return jax.tree.map(lambda *x: jnp.stack(x), *systems)


def simulator() -> dj.Simulator:
    """The four instruments."""
    photometers = [dj.kepler(days=DAYS), dj.tess(days=DAYS)]
    return dj.Simulator(
        dj.load_grid(), photometers, [dj.lamost(epochs=1), dj.apogee(epochs=1)], ranges=RANGES
    )


def ours(options) -> list[dict]:
    """Rows of this package, each batch star by star and at once."""
    rows = []
    with harness.precision(options.dtype):
        simulate = simulator()
        n_epochs = {name: p.times.size for name, p in simulate.photometers.items()}
        n_pixels = {name: s.n_pixels for name, s in simulate.spectrographs.items()}
        for batch in options.batch:
            systems = population(batch)
            for chunk in sorted({1, batch}):
                timing, seen = harness.time_jax(
                    lambda run, x, chunk=chunk: jax.lax.map(run, x, batch_size=chunk),
                    simulate,
                    systems,
                    n_runs=options.runs,
                )
                assert bool(jnp.all(seen.valid)), "every star must be valid"
                facts = {"dtype": options.dtype, "batch": batch, "chunk": chunk}
                facts |= {"n_spots": N_SPOTS, "n_epochs": n_epochs, "n_pixels": n_pixels}
                rows.append(harness.row("full set", f"dynamojax, chunks of {chunk}", timing, **facts))
                harness.show(rows[-1])
    return rows


def original() -> dict:
    """The original's pipeline for one star, part by part."""
    from Dynamo.spectra import interpolate_Phoenix_mu_lc

    simulate = simulator()
    epochs = sum(p.times.size for p in simulate.photometers.values())
    loop, arguments = dynamo(spotted_star(N_SPOTS, n_epochs=LOOP_EPOCHS), 20)
    timing, _ = harness.time_host(loop, *arguments)
    parts = {"light_curve_s": timing.run_s * epochs / LOOP_EPOCHS, "phoenix_s": 0.0, "spectrum_s": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        bench_grid.phoenix_files(Path(folder))
        star = SimpleNamespace(models_root=folder)
        for spectrograph in simulate.spectrographs.values():
            wavelength = spectrograph.wavelength
            timing, _ = harness.time_host(
                lambda at=wavelength: interpolate_Phoenix_mu_lc(star, 5772.0, 4.44, wv_array=at), n_runs=1
            )
            parts["phoenix_s"] += 2 * timing.run_s  # photosphere and spot
            given = np.ones((original_spectra.N_MU, wavelength.size))
            rings, spectrum = original_spectra.rings_and_spectrum(
                np.sort(wavelength), given, given, n_rings=20, vsini=10.0, shear=0.2
            )
            parts["spectrum_s"] += harness.time_host(rings)[0].run_s
            parts["spectrum_s"] += harness.time_host(spectrum, 1.0)[0].run_s
    whole = sum(parts.values())
    timing = harness.Timing(None, whole, whole, 0.0, 1, None)
    name = f"dynamo-stellar {harness.version('dynamo-stellar')}, 20 rings"
    row = harness.row("full set", name, timing, dtype="float64", n_epochs=epochs, **parts)
    harness.show(row)
    return row


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    options = harness.arguments("Everything of one star.").parse_args(argv)
    rows = ours(options)
    if options.peers:
        rows.append(original())
        for row in rows[:-1]:
            row["original_over_ours"] = rows[-1]["run_s"] * row["batch"] / row["run_s"]
            print(f"{row['system']}, batch {row['batch']}: {row['original_over_ours']:.0f} x the original")
    print("written:", harness.write_results(options.name or f"full_set_{options.dtype}", rows))


if __name__ == "__main__":
    main()
