"""Limb darkening at every node: ln of I(mu) over the disc's mean intensity, composed from published laws.

- Kostogryz et al. (2022), four-parameter, 3500-9000 K, logg 3-5, [M/H] -5..1.5: Kepler, TESS, CHEOPS, PLATO.
- Claret & Bloemen (2011), ATLAS, four-parameter, 3500-12000 K, logg 0-5, [M/H] -5..1: Kp, UBVRI, JHK, ugriz;
  Claret & Southworth (2022), ATLAS, power-2, same nodes: Gaia G, BP, RP.
- Claret & Bloemen (2011), PHOENIX, four-parameter, 2000-9800 K, logg 3.5-5, solar: the same bands as ATLAS.

Rules, all of them continuous: outside its box a table is held at its edge, and where another table goes on,
the change of that table is added. Below 3000 K the shape is PHOENIX's, with the change with metallicity and
with gravity outside 3.5-5 taken from the hot table at 3500 K; it is blended into the hot table between 3000
and 3500 K: where both tables of ATLAS reach they agree, and PHOENIX's jumps about (TESS, logg 3.5, mu 0.136:
0.36, 0.32, 0.28 and 0.41 of the innermost angle at 3000, 3500, 3700 and 4000 K). A band without a table is
interpolated in ln(wavelength) between its two neighbours that have one.

Measured (`python -m grids.measure_bands`), rms over the disc of I/<I>, median and 95 %: a band between its
neighbours 0.1-0.8 and 0.4-1.6 % (B: 1.8 and 4.8 %; G from power-2 laws: 1.2 and 1.8 %); Kostogryz against
Claret's ATLAS 0.3-0.8 and 3-5 %, PLATO 1.9 and 5 %, whose passband there appears bluer than the response
used here for the flux; Claret's PHOENIX against both at 3500-4000 K 4-6 and 7-10 %, the largest uncertainty.
"""

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from grids import sources

# band of the grid: (Kostogryz, Claret four-parameter, Claret power-2 suffix); None is no table
TABLES = {
    "kepler": ("Kepler", "Kp", None),
    "tess": ("TESS", None, None),
    "cheops": ("CHEOPS", None, None),
    "plato": ("PLATO", None, None),
    "gaia_g": (None, None, "G"),
    "gaia_bp": (None, None, "BP"),
    "gaia_rp": (None, None, "RP"),
    "sdss_u": (None, "u,", None),
    "sdss_g": (None, "g,", None),
    "sdss_r": (None, "r,", None),
    "sdss_i": (None, "i,", None),
    "sdss_z": (None, "z,", None),
    "johnson_u": (None, "U", None),
    "johnson_b": (None, "B", None),
    "johnson_v": (None, "V", None),
    "cousins_r": (None, "R", None),
    "cousins_i": (None, "I", None),
    "2mass_j": (None, "J", None),
    "2mass_h": (None, "H", None),
    "2mass_ks": (None, "K", None),
}
# The ladder between which bands without a table are interpolated: narrow, and spread over the spectrum.
LADDER = ("johnson_u", "johnson_b", "johnson_v", "cousins_r", "cousins_i", "2mass_j", "2mass_h", "2mass_ks")
_FOUR = ["a1", "a2", "a3", "a4"]


class Shapes:
    """Interpolators of ln I(mu)/<I> over (teff, logg, feh) for every table, at quadrature nodes mu."""

    def __init__(self, folder, mu, weight, wavelength):
        self.mu, self.weight, self.wavelength = mu, weight, wavelength
        self._frames = {
            "kostogryz": sources.read_limb_darkening(folder, "kostogryz2022/table5"),
            "claret": sources.read_limb_darkening(folder, "claret2011/tableeq5"),
            "gaia": sources.read_limb_darkening(folder, "claret2022/table1"),
        }
        self._cache = {}

    def normalised(self, relative):
        """Ln of relative intensities (n, n_mu) over their disc mean."""
        if relative.min() <= 0:
            raise ValueError(f"intensity = {relative.min()} at a mu node must be positive; check the table")
        return np.log(relative / (2 * relative @ self.weight)[:, None])

    def _four_parameter(self, frame):
        a = frame[_FOUR].to_numpy(float)
        return self.normalised(1 - sum(a[:, [k]] * (1 - self.mu ** ((k + 1) / 2)) for k in range(4)))

    def _power2(self, frame, band):
        g, h = (frame[f"{c}{band}"].to_numpy(float)[:, None] for c in "gh")
        return self.normalised(1 - g * (1 - self.mu**h))

    def table(self, kind, band):
        """Function of nodes (n, 3) giving shapes (n, n_mu), held at the edges of the table."""
        if (kind, band) not in self._cache:
            self._cache[kind, band] = self._read(kind, band)
        return self._cache[kind, band]

    def _read(self, kind, band):
        if kind == "kostogryz":
            f = self._frames["kostogryz"]
            f = f[f["passband"] == band]
            return _clamped(f[["Teff", "logg", "M/H"]].to_numpy(float), self._four_parameter(f))
        if kind == "gaia":
            f = self._frames["gaia"]
            f = f[(f["Vel"] == 2) & (f["Teff"] <= 13000)]
            return _clamped(f[["Teff", "logg", "Z"]].to_numpy(float), self._power2(f, band))
        f = self._frames["claret"]
        f = f[(f["Filt"] == band) & (f["xi"] == 2) & (f["Mod"] == kind) & (f["Teff"] <= 13000)]
        return _clamped(f[["Teff", "logg", "Z"]].to_numpy(float), self._four_parameter(f))

    def _laddered(self, band, function, ladder=LADDER):
        """Shape of a band without a table from its neighbours in wavelength."""
        rungs = sorted((r for r in ladder if r != band), key=self.wavelength.get)
        x = np.log([self.wavelength[r] for r in rungs])
        target = np.log(self.wavelength[band])
        i = int(np.clip(np.searchsorted(x, target) - 1, 0, len(x) - 2))
        u = np.clip((target - x[i]) / (x[i + 1] - x[i]), 0.0, 1.0)
        return (1 - u) * function(rungs[i]) + u * function(rungs[i + 1])

    def atlas(self, band, nodes, ladder=False):
        """Shape from Claret's ATLAS tables."""
        _, four, gaia = TABLES[band]
        if ladder or not (four or gaia):
            return self._laddered(band, lambda b: self.atlas(b, nodes))
        return (self.table("A", four) if four else self.table("gaia", gaia))(nodes)

    def phoenix(self, band, nodes, ladder=False):
        """Shape from Claret's solar PHOENIX tables."""
        four = TABLES[band][1]
        if ladder or not four:
            return self._laddered(band, lambda b: self.phoenix(b, nodes))
        return self.table("P", four)(nodes)

    def hot(self, band, nodes):
        """Kostogryz where it reaches, continued by the change of Claret's ATLAS tables."""
        if not TABLES[band][0]:
            return self.atlas(band, nodes)
        inside = np.clip(nodes, [3500, 3, -5], [9000, 5, 1.5])
        step = self.atlas(band, nodes) - self.atlas(band, inside)
        return self.table("kostogryz", TABLES[band][0])(inside) + step

    def __call__(self, band, nodes):
        """Ln I(mu)/<I> at nodes (n, 3) = teff [K], logg, feh [dex], shape (n, n_mu)."""
        at_3500 = np.column_stack([np.full(len(nodes), 3500.0), nodes[:, 1:]])
        reference = np.column_stack([at_3500[:, 0], np.clip(nodes[:, 1], 3.5, 5.0), np.zeros(len(nodes))])
        cool = self.phoenix(band, nodes) + self.hot(band, at_3500) - self.hot(band, reference)
        u = np.clip((nodes[:, :1] - 3000.0) / 500.0, 0.0, 1.0)
        u = u * u * (3 - 2 * u)
        return self.normalised(np.exp(u * self.hot(band, nodes) + (1 - u) * cool))


def _clamped(nodes, values):
    axes = [np.unique(np.round(nodes[:, k], 4)) for k in range(3)]
    cube = np.full((*map(len, axes), values.shape[1]), np.nan)
    index = tuple(np.searchsorted(axes[k], np.round(nodes[:, k], 4)) for k in range(3))
    cube[index] = values
    common = (
        np.isfinite(cube[..., 0]).any(1).mean(1) > 0.5
    )  # some temperatures exist at solar metallicity only
    axes[0], cube = axes[0][common], cube[common]
    # Hot supergiants and cool metal-poor dwarfs are absent: hold the nearest gravity there is.
    for order in (range(len(axes[1]) - 2, -1, -1), range(1, len(axes[1]))):
        step = -order.step
        for j in order:
            cube[:, j] = np.where(np.isnan(cube[:, j]), cube[:, j + step], cube[:, j])
    if np.isnan(cube).any():
        raise ValueError(f"{int(np.isnan(cube).any(-1).sum())} nodes of a table are missing; it has changed")
    keep = [k for k in range(3) if len(axes[k]) > 1]
    cube = cube.reshape(*(len(axes[k]) for k in keep), -1)
    interpolate = RegularGridInterpolator([axes[k] for k in keep], cube)
    low, high = ([a[i] for a in axes] for i in (0, -1))
    return lambda x: interpolate(np.clip(x, low, high)[:, keep])
