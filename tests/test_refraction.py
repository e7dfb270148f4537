"""Air beside vacuum."""

import numpy as np
import pytest

from dynamojax.refraction import air_from_vacuum, vacuum_from_air

# Air, vacuum [A]. Na D: NIST Atomic Spectra Database beside the frequencies of the lines (Steck, Sodium D
# line data: 508.8487162 and 508.3331958 THz). Ne: Sansonetti et al. (2004), J. Res. NIST 109, 371, about
# the Ca II triplet; their vacuum values follow from Peck & Reeder (1972).
LABORATORY = np.array(
    [
        [5889.950954, 2997924.58 / 508.8487162],
        [5895.924237, 2997924.58 / 508.3331958],
        [8418.4269, 8420.7402],
        [8495.3595, 8497.6937],
        [8544.6953, 8547.0428],
        [8591.2585, 8593.6186],
        [8654.3828, 8656.7600],
        [8681.9208, 8684.3054],
    ]
)
# H beta, [O III], H alpha, [S II]: SDSS DR7, "Vacuum wavelengths", to the digits printed there.
SURVEY = np.array(
    [
        [4861.363, 4862.721],
        [5006.843, 5008.239],
        [6562.801, 6564.614],
        [6716.440, 6718.290],
        [6730.82, 6732.68],
    ]
)


def peck_reeder(vacuum):
    """Refractivity of standard air, Peck & Reeder (1972), J. Opt. Soc. Am. 62, 958, equation 2."""
    square = (1e4 / vacuum) ** 2
    return 1e-8 * (8060.51 + 2480990.0 / (132.274 - square) + 17455.7 / (39.32957 - square))


def test_tabulated_lines():
    # The laboratory's formula is for less CO2, which is 1.5e-8 (5 m/s); the digits of the table leave 1e-8.
    np.testing.assert_allclose(air_from_vacuum(LABORATORY[:, 1]), LABORATORY[:, 0], rtol=2e-8)
    np.testing.assert_allclose(vacuum_from_air(LABORATORY[:, 0]), LABORATORY[:, 1], rtol=2e-8)
    # 0.005 A is what three digits and the older formula leave: 0.2 km/s against a shift of 83 km/s.
    np.testing.assert_allclose(vacuum_from_air(SURVEY[:, 0]), SURVEY[:, 1], atol=5e-3)


def test_another_formula_from_the_optical_to_the_h_band():
    vacuum = np.linspace(3000.0, 16900.0, 500)
    # 330 ppm of CO2 there, 450 here: 1.5e-8, of a shift of 2.8e-4.
    np.testing.assert_allclose(vacuum / air_from_vacuum(vacuum) - 1, peck_reeder(vacuum), atol=1.7e-8)


def test_there_and_back():
    air = np.linspace(2001.0, 30000.0, 5001)
    np.testing.assert_allclose(air_from_vacuum(vacuum_from_air(air)), air, rtol=1e-14)
    np.testing.assert_allclose(vacuum_from_air(air_from_vacuum(air)), air, rtol=1e-14)


@pytest.mark.parametrize("convert", [air_from_vacuum, vacuum_from_air])
def test_air_is_not_in_use_in_the_far_ultraviolet(convert):
    with pytest.raises(ValueError, match="1215.* A, allowed: 2000"):
        convert([1215.67, 6562.8])
    with pytest.raises(ValueError, match="allowed"):
        convert(np.nan)
