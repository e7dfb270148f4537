"""A grid of intensities from a library of fluxes and a law of limb darkening."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dynamojax.atmosphere.building import Built, Node, Spectra, Stretch, Tell, build_grid, check_sampling
from dynamojax.atmosphere.libraries import atlas9, bt_settl, phoenix_hires
from dynamojax.atmosphere.libraries.grid_law import grid_law
from dynamojax.atmosphere.libraries.laws import BANDS, Law, limb_law


@dataclass(frozen=True)
class Library:
    """A kind of files.

    Attributes:
        find: The models in a folder, and the file of each.
        read: Edges of the samples in vacuum [A], one more than samples, and surface flux
            [erg/s/cm2/A] of one model.
        source: With the citation.
        stretches: What a grid holds if nothing else is asked for.
        pattern: Of the names of the files, for people.
    """

    find: Callable[[Path], Mapping[Node, Path]]
    read: Callable[[Node, Path], tuple[np.ndarray, np.ndarray]]
    source: str
    stretches: tuple[Stretch, ...]
    pattern: str


_FINE = (Stretch("optical", 3000.0, 10000.0, 20000.0), Stretch("near_ir", 10000.0, 25000.0, 20000.0))
LIBRARIES = {
    "phoenix-hires": Library(
        phoenix_hires.find,
        phoenix_hires.read,
        "PHOENIX ACES AGSS COND 2011 fluxes (Husser et al. 2013, A&A 553, A6)",
        (*_FINE, Stretch("apogee", 15000.0, 17100.0, 60000.0)),
        phoenix_hires.PATTERN,
    ),
    "bt-settl": Library(
        bt_settl.find,
        bt_settl.read,
        "BT-Settl fluxes (Allard, Homeier & Freytag 2012, RSPTA 370, 2765; Baraffe+ 2015, A&A 577, A42)",
        _FINE,
        bt_settl.PATTERN,
    ),
    "atlas9": Library(
        atlas9.find,
        atlas9.read,
        "ATLAS9 fluxes (Castelli & Kurucz 2003, IAU Symp. 210, A20)",
        (Stretch("all", 2000.0, 30000.0, 100.0),),
        atlas9.PATTERN,
    ),
}
_UNLIMITED = (-np.inf, np.inf)


def build_fluxes(
    library: str,
    folder: str | Path,
    output: str | Path,
    ranges: Sequence[Sequence[float] | None] = (None, None, None),
    stretches: Sequence[Stretch] = (),
    law: str = BANDS,
    coefficients: Sequence[float] = (),
    n_mu: int = 10,
    representation: str = "int16",
    skip_damaged: bool = False,
    tell: Tell = lambda done, total: None,
) -> Built:
    """Build a grid of the models in a folder; combinations of parameters that are not there are holes.

    Args:
        library: One of `LIBRARIES`.
        folder: Of its files, in subfolders or not.
        output: Grid file.
        ranges: Lowest and highest teff [K], logg and [Fe/H] [dex]; None for all.
        stretches: Wavelengths and resolutions; the library's own if empty.
        law: See `limb_law`, or "grid:NAME" for the limb darkening of a grid of intensities, see `grid_law`;
            the grid's attribute `limb` names it.
        coefficients: Of the law.
        n_mu: Number of mu.
        representation: How intensities are stored.
        skip_damaged: Whether a damaged file leaves a hole instead of ending the build.
        tell: Called with the numbers of models done and of all.

    Raises:
        ValueError: an unknown library or law, no files of it, or one that is damaged.
    """
    if library not in LIBRARIES:
        raise ValueError(f"library = {library!r} must be phoenix or one of {', '.join(LIBRARIES)}")
    kind = LIBRARIES[library]
    stretches = tuple(stretches) or kind.stretches
    limb = _law(law, coefficients, n_mu)
    files = _files(library, Path(folder), ranges)
    return build_grid(
        output,
        files,
        lambda node, path: _spectra(kind, limb, node, path, stretches),
        stretches,
        n_mu=n_mu,
        source=kind.source,
        licence="that of the library; cite its authors",
        provenance={"library": library, "n_files": len(set(files.values())), "limb": limb.name},
        limb=limb.name,
        representation=representation,
        skip_damaged=skip_damaged,
        tell=tell,
    )


def _files(library: str, folder: Path, ranges: Sequence[Sequence[float] | None]) -> Mapping[Node, Path]:
    """The models of a folder that are in the ranges."""
    kind = LIBRARIES[library]
    bounds = [_UNLIMITED if r is None else r for r in ranges]
    found = kind.find(folder) if folder.is_dir() else {}
    files = {
        node: path
        for node, path in found.items()
        if all(low <= x <= high for x, (low, high) in zip(node, bounds, strict=True))
    }
    if not files:
        raise ValueError(
            f"{folder} holds {len(found)} models of {library}, none in the ranges; "
            f"its files are called {kind.pattern}"
        )
    return files


def _law(law: str, coefficients: Sequence[float], n_mu: int) -> Law:
    kind, _, name = law.partition(":")
    if kind != "grid":
        return limb_law(law, coefficients, n_mu)
    if coefficients or not name:
        raise ValueError(f"law = {law!r}: grid:NAME, without coefficients, is expected")
    return grid_law(name, n_mu)


def _spectra(kind: Library, limb: Law, node: Node, path: Path, stretches: Sequence[Stretch]) -> Spectra:
    edges, flux = kind.read(node, path)
    spectra = {}
    for stretch in stretches:
        start, stop = check_sampling(stretch, edges, path)
        resampling = stretch.resampling()
        smooth = resampling(edges[start : stop + 1], flux[start:stop])
        spectra[stretch.name] = smooth * limb.shape(node, resampling.axis.ln_wavelength)
    return spectra
