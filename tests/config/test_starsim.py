"""Configurations of the original, translated."""

import math

import numpy as np
import pytest

from dynamojax.config import build, build_spectra, starsim

CONF = """
[files]
models_root : './'
filter_name : Kepler.dat     # micrometres
[general]
simulation_mode: grid
n_grid_rings : 10
wavelength_lower_limit : 3000
[star]
temperature_photosphere : 5000.0
spot_T_contrast_max : 500.0
spot_T_contrast_min : 300.0
facula_T_contrast : 20.0
facular_area_ratio : 0.0
convective_shift: 0.0
rotation_period : 10.0
radius : 0.8
mass : 0.7
logg : 4.5
inclination : 70.0
differential_rotation : 0.1
[LD]
use_phoenix_limb_darkening : 1
[spots]
spots_evo_law : {law}
reference_time : 2.0
spots_decay_time: 5
[noise]
cdpp : 30
flicker: 0.5
[planet]
simulate_planet: 1
planet_period : 4.0
planet_transit_t0 : 2.0
planet_radius : 0.07
planet_impact_param : 0.3
planet_esinw: 0.1
planet_ecosw: 0.2
planet_spin_orbit_angle : 25.0
planet_semi_amplitude: 50.0
[mine]
odd = 1
"""


def conf(tmp_path, text=CONF, law="gaussian", spots="3.0 100.0 60.0 20.0 7.0\n"):
    (tmp_path / "spotmap.dat").write_text(spots)
    path = tmp_path / "star.conf"
    path.write_text(text.format(law=law))
    return path


def test_star_conf_is_translated(tmp_path):
    made, notes = starsim.translate(conf(tmp_path), days=12.0)
    star, (planet,), (photometer,) = made["star"], made["planets"], made["photometers"]
    assert (star["teff"], star["inc_deg"], star["shear"], star["spot_contrast"]) == (5000.0, 70.0, 0.1, 400.0)
    assert (photometer["preset"], photometer["days"], photometer["white_ppm"]) == ("kepler", 12.0, 30.0)
    assert planet["radius_ratio"] == 0.07 and planet["obliquity_deg"] == 25.0
    assert planet["ecc"] == pytest.approx(math.hypot(0.1, 0.2), rel=1e-12)
    text = "\n".join(notes)
    for name in (
        "n_grid_rings",
        "spot_T_contrast",
        "flicker",
        "convective_shift",
        "mine.odd",
        "limb",
        "cdpp",
    ):
        assert name in text
    assert "ignored: mine.odd: not a key" in text


def test_impact_parameter_and_amplitude_of_star_conf_come_back(tmp_path):
    (planet,) = starsim.translate(conf(tmp_path))[0]["planets"]
    inc, ecc = math.radians(planet["inc_deg"]), planet["ecc"]
    # The original's own formulae, with its rounded constants: 4.2097 solar radii, 203.244 m/s.
    axis = 4.2097 * 4.0 ** (2 / 3) * 0.7 ** (1 / 3) / 0.8
    b = axis * math.cos(inc) * (1 - ecc**2) / (1 + 0.1)
    jupiters = planet["mass_earth"] / 317.83
    speed = 203.244 * jupiters * math.sin(inc) * 0.7 ** (-2 / 3) * 4.0 ** (-1 / 3) / math.sqrt(1 - ecc**2)
    assert b == pytest.approx(0.3, rel=1e-3)
    assert speed == pytest.approx(50.0, rel=1e-3)


@pytest.mark.parametrize("law", ["constant", "quadratic", "gaussian", "linear"])
def test_spots_of_star_conf_evolve_and_turn_as_in_the_original(tmp_path, law):
    """Radius and longitude against the original's own laws, in float64."""
    from dynamojax.surface.evolution import spot_radii
    from dynamojax.system import Epochs

    start, duration, colatitude, longitude, radius = 3.0, 100.0, 60.0, 20.0, 7.0
    made, _ = starsim.translate(conf(tmp_path, law=law, spots="3.0 100.0 60.0 20.0 7.0 0.0 0.0\n"))
    (spot,) = made["spots"]
    t = np.linspace(4.0, 102.0, 50)
    u = (t - start) / duration
    expected = {
        "constant": np.ones_like(u),
        "linear": 1 - u,
        "quadratic": 4 * u * (1 - u),
        "gaussian": np.exp(-(((t - start) / 50.0) ** 2)),
    }[law]
    found = spot_radii(build.spots(made, build.star(made), (0.0, 30.0)), Epochs.from_days(t), law)[0]
    # float32 times of a hundred days, over a life of a hundred: a few roundings of 6e-8.
    np.testing.assert_allclose(np.degrees(found), radius * expected, atol=2e-5 * radius)
    rate = 360.0 / 10.0 * (1 - 0.1 * math.cos(math.radians(colatitude)) ** 2)
    assert (spot["lon_deg"] + rate * 2.0 - longitude) % 360.0 == pytest.approx(0.0, abs=1e-9)


def test_a_linear_spot_between_two_radii_has_no_counterpart(tmp_path):
    with pytest.raises(ValueError, match="no counterpart"):
        starsim.translate(conf(tmp_path, law="linear", spots="0 10 90 0 5 2\n"))


def test_a_missing_filter_in_star_conf_is_an_error_and_a_present_one_is_read(tmp_path):
    path = conf(tmp_path, CONF.replace("Kepler.dat", "own.dat"))
    with pytest.raises(ValueError, match="not replaced"):
        starsim.translate(path)
    (tmp_path / "filters").mkdir()
    (tmp_path / "filters" / "own.dat").write_text("0.5 0\n0.55 1\n0.6 0\n")
    made, _ = starsim.translate(path)
    _, (own,) = build.photometers(made)
    np.testing.assert_allclose(own.wavelength, [5000.0, 5500.0, 6000.0])


def test_the_newer_star_conf_has_several_photometers(tmp_path):
    more = "photometry_names : Kepler, TESS\nphotometry_filters : Kepler.dat, TESS.dat\n"
    more += "photometry_cadences : 0.020833, 0.001389   # 30 min, 2 min\n"
    made, _ = starsim.translate(conf(tmp_path, CONF.replace("[general]\n", "[general]\n" + more)))
    assert [(p["preset"], p["cadence"]) for p in made["photometers"]] == [
        ("kepler", "long"),
        ("tess", "2min"),
    ]


@pytest.mark.parametrize(
    "text", ["no section\n", "[star]\nradius : big\n[files]\nfilter_name : Kepler.dat\n"]
)
def test_a_star_conf_that_cannot_be_read_is_an_error(tmp_path, text):
    path = tmp_path / "star.conf"
    path.write_text(text)
    with pytest.raises(ValueError, match="star.conf"):
        starsim.translate(path)


SPECTRA = """
spectra_names : LAMOST, INST2
spectra_resolutions : 1800, 5000
spectra_filters : Raw, Raw
spectra_ranges : 3000-9000, 6000-7000
n_spectra_epochs : 2, 4
spectra_cadence : 1.0, 0.5
spectra_start_time : None, 1.0
"""


def test_spectra_of_star_conf(tmp_path):
    made, notes = starsim.translate(conf(tmp_path, CONF.replace("[general]\n", "[general]" + SPECTRA)))
    lamost, other = made["spectrographs"]
    assert (lamost["preset"], lamost["epochs"], lamost["start"]) == ("lamost", 2, None)
    assert (other["preset"], other["name"], other["wavelength"]) == ("custom", "inst2", [6000.0, 7000.0])
    assert (other["resolution"], other["start"], other["cadence"]) == (5000.0, 1.0, 0.5)
    assert [s.n_pixels for s in build_spectra.spectrographs(made)][0] == 3920
    assert made["star"]["convective_blueshift"] == 0.0
    text = "\n".join(notes)
    for part in (
        "pixels and range of lamost",
        "draws its time at random",
        "convective_shift",
        "spectra_filters",
    ):
        assert part in text


def test_lists_of_spectra_that_do_not_fit_are_errors(tmp_path):
    with pytest.raises(ValueError, match="spectra_resolutions has 0 values, spectra_names has 2"):
        starsim.translate(conf(tmp_path, CONF.replace("[general]\n", "[general]\nspectra_names : A, B\n")))
    bad = SPECTRA.replace("1800", "high")
    with pytest.raises(ValueError, match="spectra_resolutions: 'high' is not a number"):
        starsim.translate(conf(tmp_path, CONF.replace("[general]\n", "[general]" + bad)))
