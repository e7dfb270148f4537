"""Interstellar extinction against its package, published values and plain integrals over spectra."""

import astropy.units as u
import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dust_extinction import parameter_averages
from jax.test_util import check_grads

from dynamojax.atmosphere.extinction import LAWS, BandExtinction, Extinction, transmission
from dynamojax.atmosphere.grid import EMBEDDED
from dynamojax.instruments.bandpass import Bandpass, load_bandpass

BANDS = ("kepler", "tess", "gaia_g", "johnson_b", "2mass_j")


@pytest.fixture(scope="module")
def build():
    def made(names=BANDS, extinction=None):
        filters = [load_bandpass(name) for name in names]
        return BandExtinction.build(extinction or Extinction(), filters, names, [5500.0] * len(names))

    return made


def _spectrum(teff, logg=4.5, feh=0.0):
    """Smooth spectrum of one node, straight from the file."""
    with h5py.File(EMBEDDED, "r") as file:
        at = [
            np.flatnonzero(np.isclose(file[n][()], x))[0]
            for n, x in zip(("teff", "logg", "feh"), (teff, logg, feh), strict=True)
        ]
        row = np.flatnonzero((file["node"][()] == at).all(1))[0]
        return np.exp(file["ln_wavelength"][()]), np.exp(
            file["spectrum"][row] * file["spectrum"].attrs["step"]
        )


def _brute_force(name, av, teff, law="G23", rv=3.1, **model):
    """Share of the detected photons (or energy) left, by the trapezoidal rule at 200,000 wavelengths."""
    band, (bins, flux) = load_bandpass(name), _spectrum(teff, **model)
    at = np.linspace(*band.wavelength[[0, -1]], 200_001)
    light = np.interp(np.log(at), np.log(bins), flux) * np.interp(at, band.wavelength, band.throughput)
    light = light * at if band.photon_counting else light
    curve = getattr(parameter_averages, law)(Rv=rv)(at * u.AA)
    return np.trapezoid(light * 10 ** (-0.4 * av * curve), at) / np.trapezoid(light, at)


@pytest.mark.parametrize("law", LAWS)
def test_curve_is_that_of_the_package(law):
    low, high = Extinction(law).ends
    at = np.geomspace(max(low, 3000.0) + 1, min(high, 2e4) - 1, 50)
    expected = getattr(parameter_averages, law)(Rv=3.1)(at * u.AA)
    np.testing.assert_allclose(Extinction(law).curve(at), expected, rtol=1e-12)


def test_curve_of_cardelli_as_published():
    """Cardelli, Clayton & Mathis (1989, ApJ 345, 245), table 3, R_V = 3.1, rounded there to 0.001."""
    inverse_um = np.array([2.78, 2.27, 1.82, 1.43, 1.11, 0.80, 0.63, 0.46])
    published = [1.569, 1.337, 1.000, 0.751, 0.479, 0.282, 0.190, 0.114]
    # the table lists the mean extinction in bands, which the paper's polynomials pass by 0.014 in B
    np.testing.assert_allclose(Extinction("CCM89").curve(1e4 / inverse_um), published, atol=0.015)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Extinction("G32"), ["law = 'G32'", "G23"]),
        (lambda: Extinction("F19", 9.0), ["rv = 9", "[2, 6]", "F19"]),
        (lambda: Extinction(rv=np.nan), ["rv = nan"]),
        (lambda: Extinction("F19").curve([5000.0, 4e4]), ["F19", "40000 A", "G23"]),
        (lambda: Extinction("D22").curve(5000.0), ["D22", "8000 to 40000 A", "5000 A"]),
        (lambda: Extinction().curve(np.nan), ["nan A"]),
    ],
)
def test_refuses(make, words):
    with pytest.raises(ValueError) as error:
        make()
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_band_beyond_the_law_is_refused(build):
    with pytest.raises(ValueError, match="D22"):
        build(("kepler",), Extinction("D22"))
    assert build(("2mass_j",), Extinction("D22")).level.shape[0] == 1


@pytest.mark.parametrize("teff", [3500.0, 5800.0, 9000.0])
def test_bands_against_an_integral_over_the_spectrum(build, x64, teff):
    table = build()
    for av in (0.3, 2.0, 5.0):
        ours = table.transmission(jnp.asarray(teff), jnp.asarray(av))
        magnitudes = [-2.5 * np.log10(_brute_force(name, av, teff)) for name in BANDS]
        # steps of the law are second order, most in the widest band; 1e-4 for the bins of the spectrum
        np.testing.assert_allclose(-2.5 * np.log10(ours), magnitudes, rtol=0, atol=1e-4 + 1e-5 * av**2)


def test_between_nodes_the_share_is_smooth(build, x64):
    """5750 K lies between nodes: a mean of its neighbours to second order."""
    table = build()
    ours = table.transmission(jnp.asarray(5750.0), jnp.asarray(2.0))
    ends = [table.transmission(jnp.asarray(t), jnp.asarray(2.0)) for t in (5700.0, 5800.0)]
    np.testing.assert_allclose(ours, (ends[0] + ends[1]) / 2, rtol=2e-4)
    assert np.all(np.abs(ends[0] / ends[1] - 1)[:3] > 1e-4)  # broad bands: redder light, less lost


@pytest.mark.parametrize("teff", [2000.0, 2300.0, 5512.3, 20000.0])
def test_without_dust_nothing_changes(build, precision, teff):
    assert np.all(np.asarray(build().transmission(jnp.asarray(teff), jnp.asarray(0.0))) == 1)
    assert np.all(np.asarray(transmission(jnp.linspace(0.0, 9.0, 5), jnp.asarray(0.0))) == 1)


def test_much_dust_keeps_its_digits(build):
    """Float32 at 20 mag: the redder end of each band is all that is left, with five digits of it."""
    ours = build().transmission(jnp.asarray(5800.0), jnp.asarray(20.0))
    with jax.enable_x64(True):
        exact = build().transmission(jnp.asarray(5800.0), jnp.asarray(20.0))
    np.testing.assert_allclose(ours, exact, rtol=3e-5)
    assert np.all(np.asarray(ours) > 0)


@pytest.mark.parametrize(("teff", "av"), [(5512.0, 0.0), (4000.0, 1.3), (5800.0, 6.0)])
def test_gradients(build, x64, teff, av):
    table = build()

    def f(teff, av):
        return jnp.log(table.transmission(jnp.asarray(teff), jnp.asarray(av)))

    check_grads(f, (teff, av), 1, ["fwd", "rev"], eps=1e-5, rtol=1e-4)


def test_a_band_without_a_filter_is_monochromatic():
    table = BandExtinction.build(Extinction(), [], ["mine"], [6563.0])
    ours = table.transmission(jnp.asarray(5000.0), jnp.asarray(1.7))
    np.testing.assert_allclose(ours, 10 ** (-0.4 * 1.7 * Extinction().curve(6563.0)), rtol=1e-6)


def test_a_filter_of_ones_own_counts():
    """A top-hat of 100 A is nearly monochromatic, one of 4000 A is not."""
    for width, tolerance in ((100.0, 2e-4), (4000.0, None)):
        low, high = 6500 - width / 2, 6500 + width / 2
        band = Bandpass("mine", np.array([low, 6500.0, high]), np.ones(3))
        table = BandExtinction.build(Extinction(), [band], ["mine"], [6500.0])
        ours = float(table.transmission(jnp.asarray(5800.0), jnp.asarray(1.0))[0])
        at_pivot = 10 ** (-0.4 * Extinction().curve(6500.0))
        if tolerance:
            assert ours == pytest.approx(at_pivot, rel=tolerance)
        else:
            assert abs(ours / at_pivot - 1) > 0.01
