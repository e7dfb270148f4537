"""Observed LAMOST spectra of F, G and K stars under the best of a coarse grid of models.

    python -m benchmarks.lamost_overlays FOLDER

FOLDER holds LAMOST low-resolution files; of each class the one with the most signal is taken. Every model of
the coarse grid (teff, logg, [Fe/H]) is recorded on the observed pixels by `Simulator`, then multiplied by a
polynomial of low degree in ln(wavelength), solved linearly: the survey's fluxes are relative. The velocity is
searched about the pipeline's. Telluric bands are left out, and single pixels far off (sky, cosmic rays).
"""

import argparse
import dataclasses
import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import rc_context

import dynamojax as dj
from dynamojax.files.observed import ObservedSpectrum
from dynamojax.files.read_spectra import read_lamost
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.plotting.lines import marks_within, placed
from dynamojax.plotting.style import FAINT, MUTED, PALETTE, STYLE, new_figure
from dynamojax.simulate.smoothing import Smoothing

RESULTS = Path(__file__).parent / "results"
TEFF = {"F": (6000, 7250), "G": (5000, 6250), "K": (4250, 5500), "late K": (3500, 4750)}
LOGG, FEH = np.arange(3.0, 5.01, 0.5), np.arange(-1.0, 0.51, 0.25)
LOW, HIGH, DEGREE, CLIP = 3800.0, 9000.0, 10, 5.0
# Oxygen and water of the Earth's air, in vacuum [A].
TELLURIC = ((6277, 6320), (6868, 6965), (7160, 7345), (7590, 7720), (8100, 8375), (8940, 9050))
BANDS = ((3800, 4500), (4500, 5500), (5500, 6800), (6800, 9000))


def chosen(folder: Path) -> dict[str, ObservedSpectrum]:
    """Of each class the spectrum with the highest median signal to noise."""
    best: dict[str, tuple[float, ObservedSpectrum]] = {}
    for path in sorted(folder.glob("*.fits")):
        seen = read_lamost(path)
        snr = float(np.median((seen.flux * np.sqrt(seen.ivar))[seen.good]))
        subclass = str(seen.meta.get("SUBCLASS", " "))
        kind = "late K" if subclass in ("K5", "K7") else subclass[0]
        if kind in TEFF and snr > best.get(kind, (0.0, None))[0]:
            best[kind] = snr, dataclasses.replace(seen, name=path.stem)
    return {kind: best[kind][1] for kind in TEFF if kind in best}


def within(seen: ObservedSpectrum) -> ObservedSpectrum:
    """The pixels compared."""
    keep = (seen.wavelength > LOW) & (seen.wavelength < HIGH)
    arrays = {name: getattr(seen, name)[keep] for name in ("wavelength", "flux", "ivar", "good")}
    return dataclasses.replace(seen, **arrays)


def basis(wavelength: np.ndarray) -> np.ndarray:
    """Legendre polynomials over the range."""
    x = 2 * np.log(wavelength / LOW) / np.log(HIGH / LOW) - 1
    return np.polynomial.legendre.legvander(x, DEGREE)


def fitted(seen: ObservedSpectrum, use: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The model times the best polynomial."""
    design = model[:, None] * basis(seen.wavelength)
    weight = np.sqrt(seen.ivar) * use
    coefficients = np.linalg.lstsq(design * weight[:, None], seen.flux * weight, rcond=None)[0]
    return design @ coefficients


def chi2(seen: ObservedSpectrum, use: np.ndarray, model: np.ndarray) -> float:
    """Per pixel used."""
    return float(np.sum(use * seen.ivar * (seen.flux - fitted(seen, use, model)) ** 2) / use.sum())


def recorder_of(seen: ObservedSpectrum, kind: str):
    """Models on the observed pixels: `record(teff, logg, feh, rv)`, all (n,), gives (n, n_pixels)."""
    spectrograph = seen.spectrograph(1800.0, epochs=1)
    disc = DiscConfig(n_disc=(8, 4), n_cap=(1, 1), max_velocity=10.0)
    ranges = {"teff": TEFF[kind], "logg": (LOGG[0], LOGG[-1]), "feh": (FEH[0], FEH[-1])}
    simulate = dj.Simulator(
        dj.load_grid(), [], [spectrograph], ranges=ranges, disc=disc, max_shift=350.0, smoothing=Smoothing()
    )
    sun = dj.System(dj.Star.from_degrees(prot=25.0), dj.SpotMap.empty(), dj.Planets.empty())

    @jax.jit
    def record(simulate, points):
        def one(point):
            names = dict(zip(("teff", "logg", "feh", "rv"), point, strict=True))
            star = dataclasses.replace(sun.star, **names)
            observed = simulate(dataclasses.replace(sun, star=star))
            return observed.spectra[spectrograph.name].flux[0], observed.valid

        return jax.lax.map(one, points)

    def recorded(points) -> np.ndarray:
        flux, valid = record(simulate, jnp.asarray(points, dtype=float))
        return np.where(np.asarray(valid)[:, None], np.asarray(flux, float), np.nan)

    return recorded


def overlay(seen: ObservedSpectrum, kind: str) -> dict:
    """The best model of the grid and what it leaves."""
    record = recorder_of(seen, kind)
    air = np.any([(seen.wavelength > a) & (seen.wavelength < b) for a, b in TELLURIC], axis=0)
    use, rv = seen.good & ~air & (seen.ivar > 0), seen.rv
    grid = list(itertools.product(np.arange(TEFF[kind][0], TEFF[kind][1] + 1, 250.0), LOGG, FEH))
    for _ in range(2):
        models = record([(*point, rv) for point in grid])
        ok = np.isfinite(models).all(1)
        scores = np.array([chi2(seen, use, m) if o else np.inf for m, o in zip(models, ok, strict=True)])
        best = grid[int(np.argmin(scores))]
        shifts = rv + np.arange(-60.0, 61.0, 10.0)
        of_rv = np.array([chi2(seen, use, m) for m in record([(*best, v) for v in shifts])])
        i = int(np.clip(np.argmin(of_rv), 1, len(shifts) - 2))
        a, b, c = of_rv[i - 1 : i + 2]
        rv = float(shifts[i] + 10.0 * 0.5 * (a - c) / (a - 2 * b + c))
        fit = fitted(seen, use, record([(*best, rv)])[0])
        ratio = seen.flux / fit - 1
        scatter = 1.4826 * np.median(np.abs(ratio[use]))
        use = use & (np.abs(ratio) < CLIP * scatter)
    noise = 1 / (np.sqrt(np.where(seen.ivar > 0, seen.ivar, np.inf)) * fit)
    return {"best": best, "rv": rv, "fit": fit, "ratio": ratio, "use": use, "noise": noise, "air": air} | {
        "chi2": chi2(seen, use, record([(*best, rv)])[0]),
        "n_models": len(grid),
    }


def row(seen: ObservedSpectrum, kind: str, found: dict) -> dict:
    """Numbers for the note."""
    ratio, use = found["ratio"], found["use"]
    bands = {
        f"{a}-{b}": float(np.std(ratio[use & (seen.wavelength > a) & (seen.wavelength <= b)]))
        for a, b in BANDS
    }
    teff, logg, feh = map(float, found["best"])
    return {
        "file": seen.name,
        "class_of_pipeline": seen.meta["SUBCLASS"],
        "rv_of_pipeline_km_s": seen.rv,
        "teff": teff,
        "logg": logg,
        "feh": feh,
        "rv_km_s": round(found["rv"], 1),
        "n_models": found["n_models"],
        "n_pixels": int(use.sum()),
        "clipped": int((seen.good & ~found["air"] & ~use).sum()),
        "rms": float(np.std(ratio[use])),
        "rms_by_range": bands,
        "noise_stated_median": float(np.median(found["noise"][use])),
        "chi2_per_pixel": found["chi2"],
    }


@rc_context(STYLE)
def figure_of(spectra: dict[str, ObservedSpectrum], found: dict[str, dict]):
    """Observed and model, and below it what is left, a pair of panels for each star."""
    figure = new_figure(7.0, 0.6 + 2.2 * len(spectra))
    panels = figure.subplots(2 * len(spectra), 1, sharex=True, height_ratios=[2.2, 1.0] * len(spectra))
    for (kind, seen), top, low in zip(spectra.items(), panels[::2], panels[1::2], strict=True):
        r = found[kind]
        scale = np.median(r["fit"])
        shown = np.where(seen.good, seen.flux, np.nan) / scale
        peak = np.nanpercentile(shown, 99.8)
        top.plot(seen.wavelength, shown, color=MUTED, lw=0.5, label="LAMOST")
        top.plot(seen.wavelength, r["fit"] / scale, color=PALETTE[1], lw=0.5, label="model")
        top.set_ylim(0, 1.15 * peak)
        teff, logg, feh = r["best"]
        text = f"{seen.meta['SUBCLASS']}: {teff:.0f} K, log g {logg:.1f}, [Fe/H] {feh:+.2f}, "
        text += f"{r['rv']:+.0f} km/s; rms {100 * np.std(r['ratio'][r['use']]):.1f} %"
        top.set_title(text, loc="right", pad=3 if kind != next(iter(spectra)) else 42)
        rest = np.where(r["use"], r["ratio"], np.nan)
        low.plot(seen.wavelength, 100 * rest, color=PALETTE[0], lw=0.4)
        low.axhline(0, color=MUTED, lw=0.5)
        low.set_ylim(-12, 12)
        for axes in (top, low):
            for a, b in TELLURIC:
                axes.axvspan(a, b, color=FAINT, alpha=0.5, lw=0)
        top.set_ylabel("Flux")
        low.set_ylabel("Residual [%]")
        marks = marks_within(LOW, HIGH, 1 + r["rv"] / 3e5)
        for mark in marks:
            top.vlines(mark.wavelengths, 1.06 * peak, 1.11 * peak, color=MUTED, lw=0.6)
        for mark, at in placed(marks, 0.17 * (HIGH - LOW) / 6.2) if kind == next(iter(spectra)) else []:
            where = {"xycoords": top.get_xaxis_transform(), "textcoords": "offset points"}
            top.annotate(
                mark.name, (at, 1.0), (0, 3), **where, rotation=90, ha="center", va="bottom", fontsize=6.5
            )
    panels[0].legend(loc="lower right", ncols=2)
    panels[-1].set_xlim(LOW, HIGH)
    panels[-1].set_xlabel("Wavelength in vacuum, as observed [Å]; telluric bands in grey")
    return figure


def main() -> None:
    """Fit, write the numbers and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--figure", type=Path, default=Path("lamost_overlays.png"))
    parser.add_argument("--dpi", type=int, default=110)
    given = parser.parse_args()
    spectra = {kind: within(seen) for kind, seen in chosen(given.folder).items()}
    found = {kind: overlay(seen, kind) for kind, seen in spectra.items()}
    rows = [row(seen, kind, found[kind]) for kind, seen in spectra.items()]
    (RESULTS / "lamost_overlays.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(json.dumps(rows, indent=1))
    figure_of(spectra, found).savefig(given.figure, dpi=given.dpi)


if __name__ == "__main__":
    main()
