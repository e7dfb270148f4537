"""Shear of KIC 10644253, from stars that are simulated until they look like it.

    python -m benchmarks.fit_shear --privateer FOLDER

Spots come and go too fast for their rates to be followed one by one. What four years of light hold of the
shear is how long its waves keep step: autocorrelation after whole and half turns, width of the period's peak,
scatter of the periods of quarters. Spots that die young do the same, so that their lifetime is free too, as
are inclination, latitudes, number, nests and an active longitude of regions, and faculae. There is no
likelihood: approximate Bayesian computation, its statistics a regression's predictions (Fearnhead & Prangle
2012, J. R. Stat. Soc. B 74, 419), tried on simulated stars that it has not seen. The sign of the shear leaves
no trace.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import numpy as np
from astropy.timeseries import LombScargle
from scipy.ndimage import gaussian_filter1d

import dynamojax as dj
from benchmarks.fit_real import binned, kadacs
from benchmarks.harness import write_results
from dynamojax.inference.period import autocorrelation
from dynamojax.instruments.photometer import Photometer
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.emergence import emerge_spots, recommend_n_spots

PERIOD = 10.88  # +- 0.71: Santos et al. (2021, ApJS 255, 17), the table in star-privateer. [day]
STEP = 0.5  # [day]
CUT = 4.0  # standard deviation of the Gaussian that takes off what is slow: half at 21 days. [day]
QUARTER = 91.3  # [day]
PRIOR = {  # uniform between; of some the logarithms
    "shear": (0.0, 0.5),
    "prot": (8.0, 12.0),  # at the equator: spots turn more slowly
    "inc_deg": (26.0, 80.0),  # Hall et al. (2021, Nat. Astron. 5, 707): 55.6 -30 +24
    "tau_decay": (8.0, 120.0),  # of the largest regions, which grow ten times as fast. [day]
    "level": (0.7, 10.0),
    "area_max_deg2": (5.0, 60.0),  # the Sun's: 10
    "lat_max_deg": (20.0, 60.0),
    "nest_prob": (0.0, 0.5),
    "active_prob": (0.0, 0.8),  # at one longitude, within 30 deg of it
    "facula_ratio": (0.0, 3.0),
}
IN_LOGARITHM = ("tau_decay", "level", "area_max_deg2")
OF_STAR = ("shear", "prot", "inc_deg", "facula_ratio")
LIKE_IT = {"teff": 6045.0, "logg": 4.4, "radius": 1.1, "spot_contrast": 663.0, "facula_contrast": 34.4}
TURNS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
NOISE = 25e-6  # of the light of half a day: granulation
SHARE = 0.06  # of the simulated stars that count as alike
N_NEAR = 100  # of those left out, the nearest to the star
LEAST = 0.6  # of a quarter's bins that hold data, to count


def drawn(n: int, key) -> dict[str, np.ndarray]:
    """Stars of the prior."""
    shares = np.asarray(jax.random.uniform(key, (len(PRIOR), n)), float)
    return {
        name: low * (high / low) ** u if name in IN_LOGARITHM else low + (high - low) * u
        for (name, (low, high)), u in zip(PRIOR.items(), shares, strict=True)
    }


def simulated(stars: dict[str, np.ndarray], times, key) -> np.ndarray:
    """Flux about 1 of every star, without noise."""
    camera = Photometer("kepler", ("kepler",), times, STEP)
    simulate = dj.Simulator(dj.load_grid(), [camera], surface=dj.SurfaceConfig(faculae=True))
    window = float(times[0] - 3 * PRIOR["tau_decay"][1]), float(times[-1] + 30)
    most = Activity.from_degrees(**{name: PRIOR[name][1] for name in ("level", "nest_prob")})
    rule = {"latitudes": "isotropic", "n_sizes": 2, "n_active_longitudes": 1}
    config = Emergence(n_spots=recommend_n_spots(most, Emergence(**rule), *window), **rule)
    of_star = {name: stars[name] for name in OF_STAR}
    star = jax.vmap(lambda x: dj.Star.from_degrees(**LIKE_IT, **x))(of_star)
    others = {name: x for name, x in stars.items() if name not in OF_STAR}
    activity = Activity.from_degrees(**others, tau_emerge=stars["tau_decay"] / 10, active_scatter_deg=30.0)

    def one(row):
        star, activity, key = row
        spots = emerge_spots(star, activity, config, *window, key=key)
        return simulate(dj.System(star, spots, dj.Planets.empty())).light_curves["kepler"].flux[0]

    rows = jax.tree.map(lambda x: np.asarray(x, np.float32), (star, activity))
    keys = jax.random.split(key, len(stars["shear"]))
    return np.asarray(jax.jit(lambda r: jax.lax.map(one, r))((*rows, keys)), float)


def filtered(x, good, width):
    """Less what is slow, gaps left out."""
    slow = gaussian_filter1d(np.where(good, x, 0), width) / gaussian_filter1d(good.astype(float), width)
    return (x - slow)[good]


NAMES = (
    *(f"correlation after {k:g} turns" for k in TURNS),
    *("periods of quarters, below the median", "above it", "width at P", "width at P/2"),
    *("ln power at P/2 over P", "ln peak over mean", "skewness", "ln kurtosis", "spread of strengths"),
    "ln strength",
)
OF_QUARTERS = slice(len(TURNS), len(TURNS) + 2)


def statistics(number, flux) -> np.ndarray:
    """How alike a light curve is to itself turns later, how wide its peaks are, its shape and strength.

    Args:
        number: Of each bin, gaps left out.
        flux: About any level, of one each bin.

    Returns:
        In the order of `NAMES`; lags, widths and periods over the period.
    """
    good = np.zeros(number[-1] + 1, bool)
    good[number] = True
    full = np.zeros(good.size)
    full[number] = flux
    x, t = filtered(full, good, CUT / STEP), STEP * number
    strength = x.std()
    x = x / strength
    lags, correlation = autocorrelation(t, x, 20 * STEP)
    period = peak_near(lags, correlation, PERIOD, 0.4)
    after = [_extreme(lags, correlation, k * period, 0.12 * period, k % 1 == 0) for k in TURNS]
    begins = np.arange(0, t[-1] - 0.8 * QUARTER, QUARTER)
    parts = [part for a in begins if (part := (t >= a) & (t < a + QUARTER)).sum() > LEAST * QUARTER / STEP]
    apart = [peak_near(*autocorrelation(t[p], x[p], 20 * STEP), period, 0.3) for p in parts]
    frequency = np.linspace(0.6, 2.6, 2000)
    power = LombScargle(t / period, x).power(frequency, method="fast")
    first, second = (np.abs(frequency - k) < 0.3 for k in (1, 2))
    shape = [np.mean(x**3), np.log(np.mean(x**4)), np.std([x[p].std() for p in parts])]
    peaks = [power[second].sum() / power[first].sum(), power[first].max() / power[first].mean()]
    widths = [_width(frequency[c], power[c]) for c in (first, second)]
    spread = np.diff(np.percentile(apart, [16, 50, 84])) / period
    return np.array([*after, *spread, *widths, *np.log(peaks), *shape, np.log(strength)])


def _extreme(lags, value, at, width, is_peak) -> float:
    part = value[np.abs(lags - at) <= width]
    return float(part.max() if is_peak else part.min())


def peak_near(lags, value, near, share) -> float:
    """Lag of the highest value within a share of a lag, at the vertex of a parabola."""
    inside = np.flatnonzero(np.abs(lags / near - 1) < share)
    i = inside[np.argmax(value[inside])]
    if i in (inside[0], inside[-1]):
        return float(lags[i])
    a, b, c = value[i - 1 : i + 2]
    return float(lags[i] + 0.5 * (a - c) / (a - 2 * b + c) * (lags[1] - lags[0]))


def _width(x, power) -> float:
    """Root of the second moment about the mean, the level of the noise taken off."""
    power = np.maximum(power - np.percentile(power, 20), 0)
    mean = power @ x / power.sum()
    return float(np.sqrt(power @ (x - mean) ** 2 / power.sum()))


def predictor(seen, wanted):
    """Ridge regression of parameters on statistics and their squares; a function of statistics."""
    middle, scale = seen.mean(0), seen.std(0)

    def features(s):
        z = np.clip((s - middle) / scale, -4, 4)
        return np.concatenate([np.ones((len(z), 1)), z, z**2], axis=1)

    f = features(seen)
    weights = np.linalg.solve(f.T @ f + np.eye(f.shape[1]), f.T @ wanted)
    return lambda s: features(s) @ weights


def by_distance(predicted, one) -> np.ndarray:
    """Numbers of the simulated stars, those of the nearest predictions first."""
    return np.argsort((((predicted - one) / predicted.std(0)) ** 2).sum(1))


def alike(predicted, one) -> np.ndarray:
    """Numbers of those that count as alike."""
    return by_distance(predicted, one)[: round(SHARE * len(predicted))]


def coverage(shear, predicted, tried) -> dict:
    """Of stars that were left out: shares of truths inside central intervals, errors and widths."""
    kept = np.setdiff1d(np.arange(len(shear)), tried)
    draws = np.array([shear[kept][alike(predicted[kept], predicted[i])] for i in tried])
    rank = (draws < shear[tried, None]).mean(1)
    off = draws.mean(1) - shear[tried]
    return {
        "n": len(tried),
        **{f"coverage_{s}": float(np.mean(np.abs(rank - 0.5) < s / 200)) for s in (68, 95)},
        **{"rms_off": float(off.std()), "bias": float(off.mean()), "prior_rms": float(shear.std())},
        "median_width": float(np.median(draws.std(1))),
    }


def _beside(real, seen) -> dict[str, list[float]]:
    """Of the star; mean and scatter of those alike."""
    rows = zip(NAMES, real, seen.mean(0), seen.std(0), strict=True)
    return {name: [float(x) for x in row] for name, *row in rows}


def _quarters(real, seen, stars) -> dict:
    """Half the central 68 % of the periods of quarters, over the period: of the star, and of others."""
    width = seen[:, OF_QUARTERS].mean(1)
    few, short = stars["shear"] < 0.05, stars["tau_decay"] < 30

    def middle(chosen):
        return [*np.percentile(width[chosen], [16, 50, 84]).tolist(), int(chosen.sum())]

    return {
        **{"observed": float(real[OF_QUARTERS].mean()), "short lives, shear below 0.05": middle(few & short)},
        "long lives, shear below 0.05": middle(few & ~short),
        "short lives, shear above 0.3": middle((stars["shear"] > 0.3) & short),
        "long lives, shear above 0.3": middle((stars["shear"] > 0.3) & ~short),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--privateer", type=Path, help="folder of star_privateer, if it is not installed")
    parser.add_argument("--stars", type=int, default=1500)
    options = parser.parse_args()
    given = kadacs(options.privateer)
    if given is None:
        raise SystemExit("no light curve of KIC 10644253: install star-privateer, or give --privateer FOLDER")
    t, f, _ = binned(*given, STEP)
    number, start = (t / STEP).astype(int), time.perf_counter()
    draw, light, noise = jax.random.split(jax.random.key(10644253), 3)
    stars = drawn(options.stars, draw)
    flux = simulated(stars, STEP * (np.arange(number[-1] + 1) + 0.5), light)[:, number]
    flux = flux + NOISE * np.asarray(jax.random.normal(noise, flux.shape), float)
    wall = time.perf_counter() - start
    seen = np.array([statistics(number, x) for x in flux])
    real = statistics(number, 1e-6 * f)
    wanted = np.stack([stars["shear"], np.log(stars["tau_decay"])], axis=1)
    n_out = options.stars // 5  # left out of the regression
    predict = predictor(seen[n_out:], wanted[n_out:])
    predicted, here = predict(seen), predict(real[None])[0]
    near, order = alike(predicted, here), by_distance(predicted, here)
    row = {
        **{"star": "KIC 10644253", "n_stars": options.stars, "n_alike": len(near), "wall_s": wall},
        **{
            name: np.percentile(x[near], [2.5, 16, 50, 84, 97.5]).round(4).tolist()
            for name, x in stars.items()
            if name != "prot"  # statistics are in units of the period
        },
        "left_out": coverage(stars["shear"], predicted, np.arange(n_out)),
        "left_out_and_near": coverage(stars["shear"], predicted, order[order < n_out][:N_NEAR]),
        "statistics": _beside(real, seen[near]),
        "quarters": _quarters(real, seen, stars),
    }
    print(json.dumps(row, indent=1))
    print("written:", write_results("fit_shear", [row]))


if __name__ == "__main__":
    main()
