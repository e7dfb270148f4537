"""PHOENIX fluxes at high resolution: a file a model, and one file with the wavelengths of all."""

import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from dynamojax.atmosphere.building import Node
from dynamojax.atmosphere.libraries.samples import damaged, samples
from dynamojax.atmosphere.phoenix.catalogue import model_of_name

PATTERN = "lte05800-4.50-0.0.PHOENIX-ACES-AGSS-COND-2011-HiRes.fits"
WAVE = "WAVE_PHOENIX-ACES-AGSS-COND-2011.fits"


def find(folder: Path) -> Mapping[Node, Path]:
    """Models without alpha enhancement."""
    found = {}
    for path in sorted(folder.rglob("lte*HiRes.fits")):
        model = model_of_name(path.name)
        if model is not None and model.alpha == 0:
            found[model.teff, model.logg, model.feh] = path
    return found


def read(node: Node, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Edges [A] and surface flux [erg/s/cm2/A]; the file has it per cm.

    Raises:
        ValueError: damaged, or without the file of wavelengths beside it or in a folder above.
    """
    places = [parent / WAVE for parent in path.parents[:3]]
    wave = next((place for place in places if place.exists()), None)
    if wave is None:
        raise ValueError(f"{WAVE} is neither beside {path} nor in the two folders above; put it there")
    return samples(path, _wavelengths(wave), 1e-8 * _image(path))


@lru_cache(maxsize=1)
def _wavelengths(path: Path) -> np.ndarray:
    return _image(path)


def _image(path: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's warnings of cut files; their data do not load then
        try:
            opened: Any = fits.open(path)
            with opened as hdus:
                return np.asarray(hdus[0].data, dtype=np.float64)
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise damaged(path, error) from None
