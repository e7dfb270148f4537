"""Print the medians of S_ph against Rossby number that `dynamojax.evolution.activity_relations` holds.

    pip install star-privateer && python -m grids.measure_activity

The catalogues of Santos et al. (2019, ApJS 244, 21; 2021, ApJS 255, 17) lie in star-privateer 1.3.1 (MIT).
Dwarfs only (log g > 4.2, 3300-6200 K); turnover times of Cranmer & Saar (2011); bins of 0.2 dex.
"""

from importlib.resources import files

import numpy as np

CATALOGUES = ("santos_2019_catalog.fit", "santos_2021_catalog.fit")
CENTRES = (-1.5, -1.2, -0.9, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.5)


def read_stars() -> tuple[np.ndarray, np.ndarray]:
    """Log10 of Rossby number and of S_ph [ppm] of the dwarfs."""
    from astropy.io import fits

    columns = []
    for name in CATALOGUES:
        with fits.open(str(files("star_privateer") / "catalogs" / name)) as file:
            table = file[1].data
            columns.append([np.asarray(table[key], float) for key in ("Teff", "logg", "Prot", "Sph")])
    teff, logg, prot, sph = np.concatenate(columns, axis=1)
    turnover = 314.24 * np.exp(-teff / 1952.5 - (teff / 6250.0) ** 18) + 0.002
    use = (logg > 4.2) & (teff > 3300) & (teff < 6200) & (prot > 0) & (sph > 0)
    return np.log10(prot / turnover)[use], np.log10(sph[use])


def main() -> None:
    """Print centre, number, and the 16th, 50th and 84th percentile of log10 S_ph of each bin."""
    log_rossby, log_sph = read_stars()
    print(f"{len(log_sph)} stars")
    for centre in CENTRES:
        inside = np.abs(log_rossby - centre) < 0.1
        print(centre, inside.sum(), np.round(np.percentile(log_sph[inside], [16, 50, 84]), 3))


if __name__ == "__main__":
    main()
