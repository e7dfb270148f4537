"""Print the medians of S_ph against Rossby number that `dynamojax.evolution.activity_relations` holds.

    pip install star-privateer && python -m grids.measure_activity

The catalogues of Santos et al. (2019, ApJS 244, 21; 2021, ApJS 255, 17) lie in star-privateer 1.3.1 (MIT).
Dwarfs only (log g > 4.2, 3300-6200 K); turnover times of Cranmer & Saar (2011); bins of 0.2 dex. The Sun's
own S_ph is that of VIRGO's photometers on SOHO, 1996 to 2023, which lie there, too.
"""

from importlib.metadata import distribution

import numpy as np

CATALOGUES = ("santos_2019_catalog.fit", "santos_2021_catalog.fit")
SUN_DAYS = 125.0  # five rotations
CENTRES = (-1.5, -1.2, -0.9, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.5)


def _file(name: str) -> str:
    """A file of star-privateer, whose import would need all that it stands on."""
    return str(distribution("star-privateer").locate_file(f"star_privateer/{name}"))


def read_stars() -> tuple[np.ndarray, np.ndarray]:
    """Log10 of Rossby number and of S_ph [ppm] of the dwarfs."""
    from astropy.io import fits

    columns = []
    for name in CATALOGUES:
        with fits.open(_file(f"catalogs/{name}")) as file:
            table = file[1].data
            columns.append([np.asarray(table[key], float) for key in ("Teff", "logg", "Prot", "Sph")])
    teff, logg, prot, sph = np.concatenate(columns, axis=1)
    turnover = 314.24 * np.exp(-teff / 1952.5 - (teff / 6250.0) ** 18) + 0.002
    use = (logg > 4.2) & (teff > 3300) & (teff < 6200) & (prot > 0) & (sph > 0)
    return np.log10(prot / turnover)[use], np.log10(sph[use])


def solar_sph() -> np.ndarray:
    """S_ph of the Sun in stretches of five rotations, in green and red light, near Kepler's. [ppm]"""
    from astropy.io import fits

    light = []
    for colour in ("green", "red"):
        with fits.open(_file(f"timeseries/virgo_2_hour_{colour}.fits")) as file:
            time, flux = np.asarray(file[0].data, float).T
        light.append(flux)
    flux = np.mean(light, axis=0)
    n = round(SUN_DAYS / float(np.median(np.diff(time))))
    stretches = flux[: len(flux) // n * n].reshape(-1, n)
    known = np.isfinite(stretches) & (stretches != 0)  # gaps are 0
    return np.array([np.std(x[k]) for x, k in zip(stretches, known, strict=True) if k.mean() > 0.7])


def main() -> None:
    """Print centre, number, and the 16th, 50th and 84th percentile of log10 S_ph of each bin."""
    log_rossby, log_sph = read_stars()
    print(f"{len(log_sph)} stars")
    for centre in CENTRES:
        inside = np.abs(log_rossby - centre) < 0.1
        print(centre, inside.sum(), np.round(np.percentile(log_sph[inside], [16, 50, 84]), 3))
    sun = solar_sph()
    print(f"Sun: {sun.mean():.1f} +- {sun.std() / len(sun) ** 0.5:.1f} ppm, {len(sun)} stretches")


if __name__ == "__main__":
    main()
