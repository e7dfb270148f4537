"""Kolmogorov-Smirnov comparison of spot emergence with butterpy and dynamo-stellar.

    python -m benchmarks.check_emergence

Each peer is skipped where it is not installed; `pip install --no-deps butterpy==1.0.0
dynamo-stellar==0.1.0` suffices. Seeds are fixed, each quantity is tested at ALPHA, and the table is kept in
benchmarks/results/emergence_ks.json.
"""

import contextlib
import importlib
import importlib.metadata
import json
import pathlib
import platform
from types import ModuleType

import jax
import numpy as np
from scipy import stats

from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.regions import Regions, draw_regions
from dynamojax.system import Star

ALPHA = 1e-3
SEED = 20260121
RESULT = pathlib.Path(__file__).parent / "results" / "emergence_ks.json"
PEERS = {"butterpy": "butterpy", "dynamo-stellar": "Dynamo.spots"}
YEAR = 365  # the peers' year [day]
CYCLE, OVERLAP = 11, 2  # [peers' years]
CELL = 36, 16  # the peers' cells in longitude, and in latitude from 0 to 35 deg
N_PHASES = 8


def ours(years: float, config: Emergence, seed: int = SEED, **activity) -> dict[str, np.ndarray]:
    """Our regions, in the peers' units: lat, lon, tilt [deg], t [day], size index."""
    given = {"cycle_length_yr": CYCLE * YEAR / 365.25, "cycle_overlap_yr": OVERLAP * YEAR / 365.25}
    parameters = Activity.from_degrees(**(given | activity))
    star = Star.from_degrees(shear=0.0)  # the peers' longitudes do not drift
    draw = jax.jit(draw_regions)
    regions: Regions = draw(
        star, parameters, config, *np.float32([0, years * YEAR]), key=jax.random.key(seed)
    )
    assert bool(regions.is_complete), "raise n_spots"
    at = np.asarray(regions.is_active)
    leaves = {name: np.asarray(getattr(regions, name), dtype=float)[at] for name in ("lat", "lon", "tilt")}
    out = {name: np.degrees(x) for name, x in leaves.items()}
    out["size"] = np.rint(-np.log(np.asarray(regions.area, dtype=float)[at]) / config.size_step).astype(int)
    return out | {"lon": out["lon"] % 360, "t": np.asarray(regions.t_max, dtype=float)[at]}


def theirs(table, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A peer's regions in the same form, days spread over the day."""
    centre = {c: 0.5 * (np.asarray(table[c + "pos"]) + np.asarray(table[c + "neg"])) for c in ("th", "ph")}
    return {
        "lat": 90 - np.degrees(centre["th"]),
        "lon": np.degrees(centre["ph"]) % 360,
        "tilt": np.degrees(np.asarray(table["ang"])),
        "t": np.asarray(table["nday"]) + rng.uniform(size=len(table)),
        "size": np.rint(-2 * np.log(np.asarray(table["bmax"]) / 250)).astype(int),
    }


@contextlib.contextmanager
def numpy_seed(seed: int):
    """The peers draw from NumPy's global state: seed it, and leave it as it was."""
    state = np.random.get_state()
    np.random.seed(seed)
    yield
    np.random.set_state(state)


def ks(quantity: str, a: np.ndarray, b: np.ndarray) -> dict:
    """Row of a two-sample Kolmogorov-Smirnov test."""
    result = stats.ks_2samp(a, b)
    return {
        "quantity": quantity,
        "test": "KS",
        "n_ours": len(a),
        "n_peer": len(b),
        "statistic": float(result.statistic),
        "p": float(result.pvalue),
    }


def sizes(a: np.ndarray, b: np.ndarray) -> dict:
    """Row of a chi-squared test of the frequencies of the sizes, which are too few for KS."""
    counts = np.array([np.bincount(x, minlength=5) for x in (a, b)])
    result = stats.chi2_contingency(counts)
    return {
        "quantity": "area",
        "test": "chi2",
        "n_ours": len(a),
        "n_peer": len(b),
        "statistic": float(result.statistic),
        "p": float(result.pvalue),
    }


def latitude_rows(a: dict, b: dict, first: float = 0.0) -> list[dict]:
    """Rows of |latitude| in bins of the time since the current cycle began."""
    rows = []
    edges = np.linspace(first, 1.0, N_PHASES + 1)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        picked = []
        for r in (a, b):
            since = r["t"] / (CYCLE * YEAR) % 1
            picked.append(np.abs(r["lat"])[(since >= low) & (since < high)])
        rows.append(ks(f"latitude, {low:.2f}-{high:.2f} of the cycle", *picked))
    return rows


def nest_pairs(r: dict, delay=(5, 15)) -> dict[str, np.ndarray]:
    """Separations of later regions from a largest one within a cell of latitude and longitude."""
    order = np.argsort(r["t"])
    t, lat, lon = (r[name][order] for name in ("t", "lat", "lon"))
    found = []
    for i in np.flatnonzero(r["size"][order] == 0):
        j = slice(*np.searchsorted(t, t[i] + np.array(delay)))
        dlon = (lon[j] - lon[i] + 180) % 360 - 180
        dlat = np.abs(lat[j]) - abs(lat[i])
        near = (np.abs(dlon) < 360 / CELL[0]) & (np.abs(dlat) < 35 / CELL[1])
        near &= np.sign(lat[j]) == np.sign(lat[i])
        found.append(np.stack([dlat, dlon, t[j] - t[i]])[:, near])
    return dict(zip(("lat", "lon", "delay"), np.concatenate(found, axis=1), strict=True))


def check_butterpy(butterpy: ModuleType) -> list[dict]:
    """Modulated emergence, tilt and nests against butterpy."""
    rng = np.random.default_rng(SEED)
    years, level = 2 * CYCLE, 2.0
    cycle = Emergence(n_spots=12000, modulation="cycle")
    with numpy_seed(SEED):
        common = {"cycle_period": CYCLE, "prob_corr": 0.0}
        table = butterpy.Surface().emerge_regions(years * YEAR, level, cycle_overlap=OVERLAP, **common)
        wide = butterpy.Surface().emerge_regions(CYCLE * YEAR, level, butterfly=False, **common)
        # cycles that overlap double butterpy's nests: none here
        nests = {"cycle_period": CYCLE, "cycle_overlap": 0, "prob_corr": 0.1}
        nested = butterpy.Surface().emerge_regions(10 * CYCLE * YEAR, 0.2, **nests)
    a, b = ours(years, cycle, level=level), theirs(table, rng)
    rows = [ks(name, a[name], b[name]) for name in ("t", "lat", "lon", "tilt")]
    rows += [sizes(a["size"], b["size"]), *latitude_rows(a, b)]
    spread = (len(a["t"]) + len(b["t"])) ** 0.5
    z = (len(a["t"]) - len(b["t"])) / spread
    count = {"quantity": "number", "test": "normal", "n_ours": len(a["t"]), "n_peer": len(b["t"])}
    rows.append(count | {"statistic": z, "p": float(2 * stats.norm.sf(abs(z)))})
    random = Emergence(n_spots=6000, modulation="cycle", latitudes="random")
    a, b = ours(CYCLE, random, level=level), theirs(wide, rng)
    rows.append(ks("latitude, random", np.abs(a["lat"]), np.abs(b["lat"])))
    cell = 35 / CELL[1] / 6**0.5, 360 / CELL[0] / 6**0.5  # a cell's width as a standard deviation
    a = ours(
        10 * CYCLE,
        cycle,
        level=0.22,
        nest_prob=0.1 / 1.1,  # 0.1 followers for each region
        cycle_overlap_yr=0.0,
        nest_scatter_lat_deg=cell[0],
        nest_scatter_lon_deg=cell[1],
    )
    b = theirs(nested, rng)
    a, b = nest_pairs(a), nest_pairs(b | {"t": np.floor(b["t"])})
    b["delay"] = b["delay"] + rng.uniform(size=len(b["delay"]))  # whole days, 5 to 14
    return rows + [ks(f"nest, {name}", a[name], b[name]) for name in ("lat", "lon", "delay")]


def check_dynamo(spots: ModuleType) -> list[dict]:
    """Uniform emergence against dynamo-stellar, where its own cycle is the only one alive."""
    rng = np.random.default_rng(SEED)
    years, n = 2 * CYCLE, 8000
    level = n / (years * YEAR) / (Emergence().rate_sun * 0.5 * (1 + OVERLAP / CYCLE))
    common = {"nspots": n, "cycle_period": CYCLE, "cycle_overlap": OVERLAP, "seed": SEED}
    with numpy_seed(SEED):
        table = spots.SpotsGenerator().emerge_regions(years * YEAR, **common)
        wide = spots.SpotsGenerator().emerge_regions(years * YEAR, butterfly=False, **common)
    a, b = ours(years, Emergence(n_spots=9000), level=level), theirs(table, rng)
    rows = [ks(name, a[name], b[name]) for name in ("t", "lon")]
    rows += [sizes(a["size"], b["size"]), *latitude_rows(a, b, first=OVERLAP / CYCLE)]
    a, b = ours(years, Emergence(n_spots=9000, latitudes="random"), level=level), theirs(wide, rng)
    return [*rows, ks("latitude, random", np.abs(a["lat"]), np.abs(b["lat"]))]


CHECKS = {"butterpy": check_butterpy, "dynamo-stellar": check_dynamo}


def compare(peer: str) -> list[dict]:
    """All rows of one peer, which must be installed."""
    rows = CHECKS[peer](importlib.import_module(PEERS[peer]))
    version = importlib.metadata.version(peer)
    return [{"peer": f"{peer} {version}"} | row | {"ok": row["p"] > ALPHA} for row in rows]


def main() -> int:
    rows = []
    for peer in PEERS:
        try:
            rows += compare(peer)
        except ImportError as error:
            print(f"{peer}: not installed, skipped ({error})")
    for r in rows:
        print(
            f"{r['peer']:22} {r['quantity']:36} {r['test']:7} {r['n_ours']:6} {r['n_peer']:6} "
            f"{r['statistic']:8.4f} p = {r['p']:.4f} {'' if r['ok'] else 'REJECTED'}"
        )
    if rows:
        about = {"alpha": ALPHA, "seed": SEED, "jax": jax.__version__, "python": platform.python_version()}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")
    return int(not all(r["ok"] for r in rows))


if __name__ == "__main__":
    raise SystemExit(main())
