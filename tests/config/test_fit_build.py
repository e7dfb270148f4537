"""What a fit is made of: its simulator has room for all that the bounds allow."""

import math

import numpy as np
import pytest

from dynamojax.config.fit_build import build_fit
from dynamojax.config.fit_data import prepare_data
from dynamojax.config.fit_reading import read_fit

TEXT = """
[star]
prot = 20.0
inc_deg = 80
[[data]]
kind = "spectrum"
path = "s.csv"
resolution = 2000
[[free]]
name = "star.prot"
low = 1.0
high = 30.0
[[free]]
name = "spots.radius_deg"
low = 1.0
high = 24.5
[[spots]]
lat_deg = 10
radius_deg = 3
"""


def test_nodes_are_those_of_the_fastest_star_and_the_widest_spot(tmp_path):
    """The fit begins at 2.5 km/s with a spot of 3 deg, and may end at 51 km/s with one of 24.5."""
    rows = "\n".join(f"{w},1.0,0.01" for w in np.linspace(5100, 5200, 60))
    (tmp_path / "s.csv").write_text(f"wavelength,flux,flux_err\n{rows}\n")
    (tmp_path / "fit.toml").write_text(TEXT)
    settings = read_fit(tmp_path / "fit.toml")
    disc = build_fit(settings, prepare_data(settings)).simulator.disc
    assert 50.0 <= disc.vsini <= 55.0
    assert disc.spot_radius == pytest.approx(math.radians(25))
    with pytest.raises(
        ValueError, match=r"find_period found 40 day, outside the bounds of star.prot \(1, 30\)"
    ):
        build_fit(settings, prepare_data(settings), 40.0)
