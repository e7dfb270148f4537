"""Figures of spectra, profiles and velocities: what is drawn is what there is, where it is."""

import functools

import equinox as eqx
import h5py
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

from dynamojax.atmosphere.grid import load_grid
from dynamojax.atmosphere.grid_file import EMBEDDED
from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.spectral_noise import NoisySpectrum
from dynamojax.observables.velocity_series import VelocitySeries
from dynamojax.plotting import plot_dynamic_spectrum, plot_spectra, plot_velocity_series
from dynamojax.plotting.lines import MARKS, marks_within, placed
from dynamojax.plotting.profiles import line_profiles
from dynamojax.simulate import Observables, Simulator, Spectra

TIMES, C_KM_S = np.array([0.0, 0.5, 1.0, 3.0]), 299792.458
LINE, RV, BUMP = 6200.0, np.array([20.0, 21.0, 19.0, 20.0]), np.array([-30.0, -10.0, 15.0, 30.0])
RANGES = {"teff": (5500.0, 5500.0), "logg": (4.5, 4.5), "feh": (0.0, 0.0)}


@pytest.fixture(autouse=True)
def leaves_no_trace():
    """No setting changed, no figure known to pyplot."""
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


@pytest.fixture(scope="module")
def simulator():
    arms = [
        Arm.from_centres(n, np.arange(a, a + 120, 0.2), 3000.0) for n, a in (("a", 6140.0), ("b", 6520.0))
    ]
    meter = Photometer("meter", ("johnson_v", "2mass_h"), np.linspace(0.0, 3.0, 31))
    return Simulator(
        load_grid(),
        [],
        [Spectrograph("two", tuple(arms), TIMES), Spectrograph("one", (arms[0],), np.zeros(1))],
        [meter],
        ranges=RANGES,
        max_shift=50.0,
        disc=DiscConfig(max_velocity=10.0),
    )


def _flux(wavelength):
    """A line 50 km/s wide about the star's velocity, with a bright bump at each epoch's own."""
    rows = []
    for rv, bump in zip(RV, BUMP, strict=True):
        v = C_KM_S * np.log(wavelength / LINE) - rv
        profile = 1 - 0.4 * np.exp(-((v / 50) ** 2)) + 0.05 * np.exp(-(((v - bump) / 12) ** 2))
        rows.append(2e-12 * profile * (wavelength / LINE) ** -3)
    return np.array(rows)


@pytest.fixture(scope="module")
def observables(simulator):
    two, one = (simulator.spectrographs[name].wavelength for name in ("two", "one"))
    spectra = {
        "two": Spectra(jnp.asarray(_flux(two)), jnp.asarray(RV)),
        "one": Spectra(jnp.asarray(_flux(one)[:1]), jnp.asarray(RV[:1])),
    }
    t = np.linspace(0.0, 3.0, 31)
    wave = jnp.asarray(0.1 * np.array([np.sin(t), 0.5 * np.sin(t)]))
    series = VelocitySeries(
        rotation=wave,
        convection=0.1 * wave,
        transit=0 * wave,
        reflex=jnp.asarray(0.02 * np.cos(t)),
        systemic=jnp.asarray(20.0),
        blueshift=jnp.zeros(2),
        flux=jnp.ones((2, 31)),
        valid=jnp.asarray(True),
    )
    return Observables({}, spectra, {"meter": series}, jnp.asarray(True))


def test_panels_hold_the_spectra_and_the_ratios(simulator, observables):
    figure = plot_spectra(simulator, observables)
    two = simulator.spectrographs["two"]
    flux = np.asarray(observables.spectra["two"].flux, float)
    above, below, single = figure.axes[0:2], figure.axes[2:4], figure.axes[4]
    for k, (top, low) in enumerate(zip(above, below, strict=True)):
        here = two.arm_of_pixel == k
        (line,) = top.lines
        np.testing.assert_allclose(line.get_xdata(), two.wavelength[here])
        np.testing.assert_allclose(line.get_ydata() * 1e-12, flux[0, here], rtol=1e-6)
        assert len(low.lines) == len(TIMES)
        ratio = 100 * (flux[3, here] / flux.mean(axis=0)[here] - 1)
        np.testing.assert_allclose(low.lines[3].get_ydata(), ratio, atol=1e-4)
    assert {text.get_text() for text in above[1].texts} == {"Hα"}
    np.testing.assert_allclose(above[1].texts[0].xy[0], 6564.61 * (1 + 20 / C_KM_S), atol=1e-3)
    assert "10^{-12}" in above[0].get_ylabel() and "Change [%]" in below[0].get_ylabel()
    assert len(single.lines) == 1  # one epoch: no ratios


def test_noisy_spectra_lie_behind_where_good(simulator, observables):
    flux = np.asarray(observables.spectra["one"].flux[0])
    good = np.arange(flux.size) != 7
    noisy = NoisySpectrum(jnp.asarray(flux * 1.01), jnp.asarray(0.01 * flux), jnp.asarray(good))
    figure = plot_spectra(simulator, observables, {"one": noisy})
    assert [len(part.legends) for part in figure.subfigs] == [0, 1]
    words = [text.get_text() for text in figure.subfigs[1].legends[0].get_texts()]
    assert "noise" in words[0] and words[1] == "without"
    top = figure.axes[4]
    points = top.lines[0].get_ydata()
    assert np.isnan(points[7]) and np.isfinite(points[good]).all()
    np.testing.assert_allclose(points[good] * 1e-12, 1.01 * flux[good], rtol=1e-5)


def test_many_arms_share_a_panel(observables):
    arms = [
        Arm.from_centres(f"o{i}", np.arange(6140.0 + 20 * i, 6158.0 + 20 * i, 0.5), 3000.0) for i in range(7)
    ]
    orders = Spectrograph("orders", tuple(arms), np.zeros(1))
    simulator = Simulator(
        *(load_grid(), [], [orders]), ranges=RANGES, max_shift=50.0, disc=DiscConfig(max_velocity=10.0)
    )
    spectra = {"orders": Spectra(jnp.asarray(_flux(orders.wavelength)[:1]), jnp.zeros(1))}
    figure = plot_spectra(simulator, Observables({}, spectra, {}, jnp.asarray(True)))
    assert len(figure.axes) == 1 and len(figure.axes[0].lines) == 7


def test_profiles_are_in_the_frame_of_the_star(simulator):
    two = simulator.spectrographs["two"]
    velocity, profiles = line_profiles(two, _flux(two.wavelength), RV, np.array([LINE]), 200.0)
    v = velocity[None]
    expected = 1 - 0.4 * np.exp(-((v / 50) ** 2)) + 0.05 * np.exp(-(((v - BUMP[:, None]) / 12) ** 2))
    # pixels of 10 km/s, joined by cubic splines, and a continuum that is not quite straight
    np.testing.assert_allclose(profiles, expected, atol=2e-3)


def test_dynamic_spectrum_shows_the_bump_where_it_is(simulator, observables):
    figure = plot_dynamic_spectrum(simulator, observables, "two", LINE, reach=150, period=2.0, vsini=40.0)
    top, low = figure.axes[:2]
    strips = low.collections
    assert len(strips) == len(TIMES)
    for strip, bump, time in zip(strips, BUMP, TIMES, strict=True):
        values, corners = strip.get_array().ravel(), strip.get_coordinates()
        middle = 0.5 * (corners[0, 1:, 0] + corners[0, :-1, 0])
        assert abs(middle[np.argmax(values)] - bump) < 8  # a pixel is 10 km/s
        assert corners[0, 0, 1] < time / 2 < corners[1, 0, 1]
    assert strips[3].get_coordinates()[0, 0, 1] > strips[2].get_coordinates()[1, 0, 1] + 0.5  # the gap stays
    assert low.get_ylabel() == "Rotational phase"
    assert [line.get_xdata()[0] for line in low.lines] == [-40.0, 40.0]
    assert len(top.lines) == len(TIMES) + 1 + 2


def test_velocities_and_their_terms(simulator, observables):
    at = np.array([0.5, 1.5, 2.5])
    seen = {"correlation": (at, 7.0 + 0.1 * np.sin(at) * 1.1 + 0.02 * np.cos(at), np.full(3, 0.001))}
    top, low = plot_velocity_series(simulator, observables, seen).axes
    total = 1e3 * (0.11 * np.sin(np.linspace(0, 3, 31)) + 0.02 * np.cos(np.linspace(0, 3, 31)))
    np.testing.assert_allclose(top.lines[0].get_ydata(), total, atol=1e-2)
    points = top.containers[0].lines[0]
    np.testing.assert_allclose(points.get_ydata(), 1e3 * (0.11 * np.sin(at) + 0.02 * np.cos(at)), atol=0.5)
    names = [text.get_text() for text in low.get_legend().get_texts()]
    assert names == ["rotation", "convection", "reflex motion"]  # no transit: no line
    low = plot_velocity_series(simulator, observables, terms_in="2mass_h").axes[1]
    np.testing.assert_allclose(low.lines[1].get_ydata(), 50 * np.sin(np.linspace(0, 3, 31)), atol=1e-2)


def test_refuses(simulator, observables):
    bare = Simulator(load_grid(), [Photometer("p", ("kepler",), np.zeros(1))])
    invalid = eqx.tree_at(lambda o: o.valid, observables, jnp.asarray(False))
    many = eqx.tree_at(lambda o: o.valid, observables, jnp.ones(2, bool))
    dynamic = lambda name, line, reach: plot_dynamic_spectrum(simulator, observables, name, line, reach=reach)  # noqa: E731
    for call, words in (
        (lambda: plot_spectra(simulator, invalid), "valid is False"),
        (lambda: plot_spectra(simulator, many), "one star"),
        (lambda: plot_spectra(bare, observables), "no spectrograph"),
        (lambda: plot_spectra(simulator, observables, {"three": np.ones(3)}), "three"),
        (lambda: plot_spectra(simulator, observables, {"one": np.ones(3)}), r"\(3,\)"),
        (lambda: dynamic("three", LINE, 100), "'three' is not simulated"),
        (lambda: dynamic("one", LINE, 100), "has 1 epochs"),
        (lambda: dynamic("two", 5000.0, 100), "5000 A"),
        (lambda: dynamic("two", 6141.0, 100), "smaller reach"),
        (lambda: plot_velocity_series(bare, observables), "no velocimeter"),
        (lambda: plot_velocity_series(simulator, observables, terms_in="kepler"), "kepler"),
        (lambda: plot_velocity_series(simulator, observables, {"x": (np.ones(2), np.ones(3))}), r"\(3,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


@functools.cache
def _model(teff):
    """Spectra of the disc's centre of one model of the embedded grid, logg 4.5, straight from the file."""
    found = []
    with h5py.File(EMBEDDED, "r") as file:
        at = tuple(
            np.argmin(np.abs(file[n][()] - x)) for n, x in (("teff", teff), ("logg", 4.5), ("feh", 0.0))
        )
        for segment in file["segments"].values():
            start, step, n = (
                segment.attrs[a] for a in ("ln_wavelength_start", "ln_wavelength_step", "n_wavelength")
            )
            log10 = segment["mean"][()] + segment["coefficients"][at][-1] @ segment["basis"][()]
            found.append((np.exp(start + step * np.arange(n)), 10.0**log10))
    return found


def _about(teff, low, high):
    """The part of a model between two wavelengths."""
    for wavelength, flux in _model(teff):
        if wavelength[0] < low and wavelength[-1] > high:
            here = (wavelength > low) & (wavelength < high)
            return wavelength[here], flux[here]
    raise AssertionError(f"no segment holds {low} to {high} A")


def _atomic():
    for mark in MARKS:
        if mark.name not in ("TiO", "G band", "Li I") and not mark.name.startswith("Br"):
            yield from ((mark.name, w) for w in mark.wavelengths)


@pytest.mark.parametrize(("name", "line"), list(_atomic()))
def test_marks_are_on_lines(name, line):
    """In the model of a K dwarf (hydrogen: an F dwarf) the flux is lowest at the mark, to half a bin."""
    wavelength, flux = _about(
        6500.0 if name.startswith("H") else 4750.0, *(line * (1 + d) for d in (-2e-3, 2e-3))
    )
    near = np.abs(wavelength / line - 1) < 2.4e-4
    lowest = wavelength[near][np.argmin(flux[near])]
    assert abs(lowest / line - 1) < 2.5e-5
    assert flux[near].min() < 0.8 * flux.max()


def test_brackett_lines_are_where_they_are_observed():
    """Vacuum wavelengths of the NIST Atomic Spectra Database; Br 12, 14 and 16 are blended in the models."""
    nist = {"Br 11": 16811.11, "Br 12": 16411.67, "Br 13": 16113.71, "Br 14": 15884.88, "Br 15": 15704.95}
    ours = {mark.name: mark.wavelengths[0] for mark in MARKS}
    for name, wavelength in nist.items():
        assert ours[name] == pytest.approx(wavelength, rel=6e-6)  # fine structure


def test_band_heads_are_where_flux_drops():
    heads = [w for mark in MARKS if mark.name == "TiO" for w in mark.wavelengths]
    assert len(heads) == 3
    for head in heads:
        wavelength, flux = _about(3400.0, head - 15, head + 15)
        before, after = flux[wavelength < head - 1.5], flux[wavelength > head + 1.5]
        assert np.median(after) < 0.75 * np.median(before), head


def test_names_have_room_and_the_important_ones_win():
    marks = marks_within(3900, 9000)
    shown = placed(marks, 150.0)
    at = np.array([x for _, x in shown])
    assert np.all(np.diff(at) >= 150)
    names = [mark.name for mark, _ in shown]
    assert {"Ca II K, H", "Hβ", "Mg b", "Na D", "Hα", "Ca II triplet"} <= set(names)
    assert "Hγ" not in names  # beside the G band
    only = marks_within(3950, 4000, 1.001)
    assert [m.wavelengths for m in only] == [pytest.approx((3969.591 * 1.001,))]
