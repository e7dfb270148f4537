"""A generated population beside Kepler's stars: periods, amplitudes, and what a period search finds.

    pip install star-privateer==1.3.1        # catalogues of Santos et al. (2019, 2021)
    python -m benchmarks.check_population --cache /tmp/population --n 2000

Light curves of Kepler's four years, one point every six hours with the noise of a six-hour mean, of the stars
of `Prior.kepler()`. Periods are searched for as an observer does (`period_search`), and only what is found is
compared with the catalogue, by bins of teff: distance of the distributions of log period and log S_ph
(Kolmogorov-Smirnov, Wasserstein in dex), and of the medians of S_ph against period. Amplitudes, starts of
rotation and ages beyond 4 Gyr were tuned on stars of even KIC number; those of odd number are what is
compared with. Our temperatures are given the errors of a catalogue's. Kept in
benchmarks/results/population.json.
"""

import argparse
import json
from importlib.metadata import distribution
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

import dynamojax as dj
from benchmarks.harness import RESULTS, environment
from benchmarks.period_search import measured
from dynamojax.observables.noise import add_noise, kepler_noise
from dynamojax.plotting import plot_beside_catalogue
from dynamojax.population.sampling import Sample, sample_population, sized_for, with_window

SEED = 20261121
DAYS, STEP = 1440.0, 0.25  # [day]
CHUNK = 250  # stars
TEFF_ERROR = 112.0  # median of Kepler's stars, Berger et al. (2020, AJ 159, 280): it mixes the bins. [K]
BINS = (3200.0, 4000.0, 4600.0, 5200.0, 5700.0, 6200.0, 6800.0)  # teff [K]
LOG_PERIODS = (0.0, 0.5, 0.8, 1.0, 1.2, 1.35, 1.5, 1.7)
# Stars searched by Santos: 15,640 periods of 26,521 M and K stars; 39,592 of 141,130 G and F stars.
FOUND = {"M and K (below 5200 K)": 15640 / 26521, "G and F": 39592 / 141130}


def catalogue(half: str = "both") -> dict[str, np.ndarray]:
    """Teff [K], logg, period [day] and S_ph [ppm] of single stars, or of those of even or odd KIC number.

    Of 55,231 stars 2601 are flagged as close binaries or pulsators, for which the prior has no counterpart.
    """
    from astropy.io import fits

    parts = []
    for name, flag in (("santos_2019_catalog.fit", "Fl1"), ("santos_2021_catalog.fit", "flag1")):
        path = distribution("star-privateer").locate_file(f"star_privateer/catalogs/{name}")
        with fits.open(str(path)) as file:
            table = file[1].data
            parts.append(
                [np.asarray(table[key], float) for key in ("Teff", "logg", "Prot", "Sph", "KIC", flag)]
            )
    teff, logg, prot, sph, kic, close = np.concatenate(parts, axis=1)
    use = (prot > 0) & (sph > 0) & (teff > 0) & (close == 0)
    if half != "both":
        use &= kic % 2 == ("even", "odd").index(half)
    return {"teff": teff[use], "logg": logg[use], "prot": prot[use], "sph": sph[use]}


def prepared(prior: dj.Prior) -> dj.Prior:
    """The prior with the window of the light curves and room for all spots."""
    prior = sized_for(with_window(prior, 0.0, DAYS), key=jax.random.key(SEED + 1), n=1024)
    print(f"{prior.emergence.n_spots} places for spots")
    return prior


@jax.jit
def _observed(simulate: dj.Simulator, sample: Sample, epochs: dj.Epochs, keys):
    noise = kepler_noise()

    def one(system, mag, key):
        clean = simulate(system).light_curves["kepler"].flux[0]
        exposure = jnp.asarray(STEP, clean.dtype)
        noisy = add_noise(clean, epochs, exposure, system.star, mag, noise, key=key)
        return clean, noisy.flux, noisy.good, noisy.flux_err[0]

    return jax.lax.map(lambda a: one(*a), (sample.system, sample.labels["kepler_mag"], keys))


def observed(sample: Sample, first_id: int) -> tuple[np.ndarray, ...]:
    """Times, clean and noisy light curves, mask of data, noise of a point, of stars from first_id on."""
    times = (np.arange(int(DAYS / STEP)) + 0.5) * STEP
    simulate = dj.Simulator(dj.load_grid(), [dj.Photometer("kepler", ("kepler",), times)])
    n = sample.valid.shape[0]
    numbers = jnp.arange(first_id, first_id + n)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(SEED + 2), numbers)
    result = _observed(simulate, sample, dj.Epochs.from_days(times), keys)
    return times, *(np.asarray(x) for x in result)


def searched(sample: Sample, times, clean, noisy, good, err) -> dict[str, np.ndarray]:
    """What a period search finds of each valid star, beside what it is."""
    rows = []
    for i in np.flatnonzero(np.asarray(sample.valid) & np.isfinite(clean).all(axis=1)):
        row = measured(times, np.where(good[i], noisy[i], 1.0), good[i], float(err[i]))
        exact = measured(times, clean[i], np.ones_like(good[i]), 0.0)
        rows.append({"star": i, **row, "clean_sph": exact["sph"], "clean_acf": exact["acf"]})
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    pick = table["star"]
    for name in ("teff", "logg", "prot", "inc", "shear"):
        table[name] = np.asarray(getattr(sample.system.star, name))[pick]
    for name in ("rossby", "age_gyr", "mass", "kepler_mag", "tau_decay", "prot_by_law"):
        table[name] = np.asarray(sample.labels[name])[pick]
    table["aim"] = np.asarray(sample.labels["sph"])[pick]
    return table


def _distances(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    a, b = np.log10(ours), np.log10(theirs)
    return {
        "ks": float(stats.ks_2samp(a, b).statistic),
        "wasserstein_dex": float(stats.wasserstein_distance(a, b)),
        "quartiles_ours": np.round(np.percentile(ours, [16, 50, 84]), 2).tolist(),
        "quartiles_kepler": np.round(np.percentile(theirs, [16, 50, 84]), 2).tolist(),
    }


def catalogued(table: dict) -> dict:
    """The table with temperatures as far off as a catalogue's."""
    noise = np.random.default_rng(SEED).normal(0.0, TEFF_ERROR, table["teff"].shape)
    return table | {"teff": table["teff"] + noise}


def compared(table: dict, kepler: dict) -> list[dict]:
    """Distances of the distributions, in each bin of teff; ours `catalogued`."""
    rows = []
    for low, high in zip(BINS[:-1], BINS[1:], strict=True):
        inside = (table["teff"] >= low) & (table["teff"] < high)
        found = inside & table["found"]
        real = (kepler["teff"] >= low) & (kepler["teff"] < high)
        if found.sum() < 20:
            continue
        rows.append(
            {
                "teff": [low, high],
                "n_drawn": int(inside.sum()),
                "n_found": int(found.sum()),
                "n_kepler": int(real.sum()),
                "period": _distances(table["acf"][found], kepler["prot"][real]),
                "sph": _distances(table["sph"][found], kepler["sph"][real]),
                "sph_of_period_dex": _trend(table, found, kepler, real),
            }
        )
    return rows


def _trend(table, found, kepler, real) -> dict[str, list]:
    """Medians of log S_ph by bin of log period, ours and Kepler's, where both have ten stars."""
    rows = {"log_period": [], "ours": [], "kepler": []}
    for low, high in zip(LOG_PERIODS[:-1], LOG_PERIODS[1:], strict=True):
        a = found & (np.log10(table["acf"]) >= low) & (np.log10(table["acf"]) < high)
        b = real & (np.log10(kepler["prot"]) >= low) & (np.log10(kepler["prot"]) < high)
        if a.sum() >= 10 and b.sum() >= 10:
            rows["log_period"].append(0.5 * (low + high))
            rows["ours"].append(round(float(np.median(np.log10(table["sph"][a]))), 3))
            rows["kepler"].append(round(float(np.median(np.log10(kepler["sph"][b]))), 3))
    return rows


def recovery(table: dict) -> dict[str, float]:
    """Share of stars whose period is found within 10 %, by either method, of all and of those detected."""
    result = {}
    for method in ("acf", "ls"):
        right = np.abs(table[method] / table["prot"] - 1) < 0.1
        result[f"{method}_all"] = float(right.mean())
        result[f"{method}_found"] = float(right[table["found"]].mean())
        loud = table["clean_sph"] > 1000.0
        result[f"{method}_sph_above_1000_ppm"] = float(right[loud].mean())
    right = np.abs(table["acf"] / table["prot"] - 1) < 0.2
    result["acf_found_within_20_percent"] = float(right[table["found"]].mean())
    return result


def found_shares(table: dict) -> dict[str, dict[str, float]]:
    """Share of stars with a period, ours, `catalogued`, and Kepler's."""
    cool = table["teff"] < 5200.0
    names = list(FOUND)
    ours = {names[0]: table["found"][cool].mean(), names[1]: table["found"][~cool].mean()}
    return {name: {"ours": float(ours[name]), "kepler": FOUND[name]} for name in names}


def report(table: dict, kepler: dict) -> dict:
    """All numbers of one population."""
    as_seen = catalogued(table)
    bins = compared(as_seen, kepler)
    worst = max(bins, key=lambda row: max(row["period"]["wasserstein_dex"], row["sph"]["wasserstein_dex"]))
    ratio = np.log10(table["clean_sph"] / table["aim"])
    return {
        "n": len(table["star"]),
        "bins": bins,
        "worst_bin": worst["teff"],
        "mean_wasserstein_dex": {
            key: float(np.mean([row[key]["wasserstein_dex"] for row in bins])) for key in ("period", "sph")
        },
        "found": found_shares(as_seen),
        "recovery": recovery(table),
        "clean_sph_over_aim_dex": {
            "median": float(np.nanmedian(ratio)),
            "mean_square": float(0.5 * np.log10(np.nanmean(10 ** (2 * ratio)))),
            "scatter": float(np.nanstd(ratio)),
        },
    }


def run(prior: dj.Prior, n: int, cache: Path, name: str) -> dict:
    """Table of one population, a chunk of stars at a time; chunks in the cache are kept."""
    cache.mkdir(parents=True, exist_ok=True)
    paths = {first: cache / f"{name}_{first}.npz" for first in range(0, n, CHUNK)}
    missing = [first for first, path in paths.items() if not path.exists()]
    prior = prepared(prior) if missing else prior
    for first in missing:
        sample = sample_population(jax.random.key(SEED), CHUNK, prior, first_id=first)
        table = searched(sample, *observed(sample, first))
        np.savez(paths[first], n_invalid=np.array(CHUNK - len(table["star"])), **table)
    parts = []
    for path in paths.values():
        with np.load(path) as file:
            parts.append(dict(file))
    print(f"{sum(int(p.pop('n_invalid')) for p in parts)} of {CHUNK * len(parts)} stars not valid")
    return {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}


def main() -> None:
    """Generate, search, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--cache", type=Path, required=True, help="folder of intermediate results")
    parser.add_argument("--name", default="kepler", help="of the cached table; one for each prior")
    parser.add_argument(
        "--half", choices=("both", "even", "odd"), default="odd", help="of the catalogue, by KIC number"
    )
    parser.add_argument("--plot", type=Path, help="file for a plot of both")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results")
    args = parser.parse_args()
    table, kepler = run(dj.Prior.kepler(), args.n, args.cache, args.name), catalogue(args.half)
    result = {"environment": environment(), "catalogue": args.half} | report(table, kepler)
    if args.plot:
        found = table["found"]
        ours = {"teff": table["teff"][found], "prot": table["acf"][found], "sph": table["sph"][found]}
        plot_beside_catalogue(ours, kepler, BINS).savefig(args.plot)
    print(json.dumps(result, indent=1))
    if args.write:
        (RESULTS / "population.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
