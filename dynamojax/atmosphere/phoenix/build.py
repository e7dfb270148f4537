"""From downloaded specific intensities to one grid file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dynamojax.atmosphere.building import Built, Node, Spectra, Stretch, Tell, build_grid, check_sampling
from dynamojax.atmosphere.locations import Locations
from dynamojax.atmosphere.phoenix.cache import Cache
from dynamojax.atmosphere.phoenix.catalogue import LIBRARY, Model
from dynamojax.atmosphere.phoenix.limb import LimbReduction, limb_reduction
from dynamojax.atmosphere.phoenix.specint import SpecInt, open_specint

# What the library's samples of 1 A hold: two to a FWHM at the red end of each.
STRETCHES = (Stretch("optical", 3000.0, 10000.0, 5000.0), Stretch("near_ir", 10000.0, 25000.0, 10000.0))
SOURCE = (
    "PHOENIX ACES AGSS COND 2011 specific intensities (Husser et al. 2013, A&A 553, A6), "
    "phoenix.astro.physik.uni-goettingen.de"
)
LICENCE = "free for science; cite Husser et al. (2013)"
_BLOCK = 1 << 16  # wavelengths at a time
_METHOD = (
    "spherical limb where the mean intensity falls most steeply (Espinoza & Jordan 2015), radius scaled to "
    "it, flux kept at each wavelength; Gaussian line spread function of the segment's resolution, energy kept"
)


@dataclass
class Limbs:
    """What became of the limbs of the models.

    Attributes:
        radius: Of each, in outermost radii. [1]
        factor: Largest factor on intensities, less 1, that kept the flux, of each model's wavelengths
            but the worst per cent. [1]
    """

    radius: list[float] = field(default_factory=list)
    factor: list[float] = field(default_factory=list)


def build_phoenix(
    places: Locations,
    models: Sequence[Model],
    output: str | Path | None = None,
    stretches: Sequence[Stretch] = STRETCHES,
    n_mu: int = 10,
    representation: str = "int16",
    skip_damaged: bool = False,
    tell: Tell = lambda done, total: None,
) -> tuple[Built, Limbs]:
    """Build a grid of the downloaded ones among these models; the others are holes.

    One file is read at a time, a block of wavelengths at a time, so that memory does not grow with the
    number of files.

    Args:
        places: Where the downloaded files lie.
        models: What the grid may hold, of one [alpha/Fe].
        output: Grid file; the cache's grid "phoenix" if None.
        stretches: Wavelengths and resolutions.
        n_mu: Of the quadrature that the library's 78 are reduced to.
        representation: How intensities are stored.
        skip_damaged: Whether a damaged file leaves a hole instead of ending the build.
        tell: Called with the numbers of models done and of all.

    Raises:
        ValueError: nothing was downloaded, a file is damaged, or the wavelengths are not in the files.
    """
    cache = Cache(places.phoenix)
    present = cache.present(models)
    if not present:
        raise ValueError(
            f"none of these {len(models)} models is in {places.phoenix}; "
            "dynamojax grid fetch phoenix with the same ranges downloads them"
        )
    files: dict[Node, Path] = {(m.teff, m.logg, m.feh): cache.path(m) for m in present}
    limbs = Limbs()
    built = build_grid(
        places.grid("phoenix") if output is None else output,
        files,
        lambda node, path: _spectra(node, path, stretches, n_mu, limbs),
        stretches,
        n_mu=n_mu,
        source=SOURCE,
        licence=LICENCE,
        provenance={
            **{"library": LIBRARY, "alpha": present[0].alpha, "n_files": len(present), "method": _METHOD},
            **{"files": _digest(cache, present), "n_wanted": len(models)},
        },
        representation=representation,
        skip_damaged=skip_damaged,
        tell=tell,
    )
    return built, limbs


def _digest(cache: Cache, models: Sequence[Model]) -> str:
    """Of names and sizes of the files."""
    text = "".join(f"{m.path} {cache.path(m).stat().st_size}\n" for m in sorted(models))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _spectra(node: Node, path: Path, stretches: Sequence[Stretch], n_mu: int, limbs: Limbs) -> Spectra:
    with open_specint(path) as file:
        _check_labels(node, file)
        try:
            reduction = limb_reduction(file.mu, _mean_profile(file), n_mu)
        except ValueError as error:
            raise ValueError(f"{path}: {error}; delete it, fetch again") from None
        limbs.radius.append(reduction.radius)
        factors, spectra = [], {}
        for stretch in stretches:
            start, stop = check_sampling(stretch, file.edges, path)
            reduced, factor = _reduced(file, reduction, start, stop)
            spectra[stretch.name] = stretch.resampling()(file.edges[start : stop + 1], reduced)
            factors.append(factor)
        limbs.factor.append(float(np.quantile(np.abs(np.concatenate(factors) - 1.0), 0.99)))
    return spectra


def _check_labels(node: Node, file: SpecInt) -> None:
    """The header's own parameters, where it has them, must be those of the name."""
    for name, value in zip(("teff", "logg", "feh"), node, strict=True):
        found = file.labels.get(name, value)
        if abs(found - value) > 1e-3 * max(1.0, abs(value)):
            raise ValueError(
                f"{file.path}: its header says {name} = {found:g}, its name {value:g}; delete it, fetch again"
            )


def _blocks(start: int, stop: int) -> list[tuple[int, int]]:
    return [(i, min(i + _BLOCK, stop)) for i in range(start, stop, _BLOCK)]


def _mean_profile(file: SpecInt) -> np.ndarray:
    """Intensity of all wavelengths together, at each mu. [erg/s/cm2/sr]"""
    widths, n = np.diff(file.edges), len(file.edges) - 1
    profile = np.zeros(len(file.mu))
    for start, stop in _blocks(0, n):
        profile += file.block(start, stop) @ widths[start:stop]
    return profile


def _reduced(file: SpecInt, reduction: LimbReduction, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Intensities at the quadrature nodes, and the factor that keeps the flux, of the file's samples."""
    values = np.empty((len(reduction.nodes), stop - start))
    factor = np.empty(stop - start)
    for a, b in _blocks(start, stop):
        values[:, a - start : b - start], factor[a - start : b - start] = reduction(file.block(a, b))
    return values, factor
