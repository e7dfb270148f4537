"""Spectrographs, velocimeters, their grid and their noise, from settings."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.atmosphere.extinction import LAWS, Extinction
from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.config import build, build_sky, build_spectra, documents
from dynamojax.config.reading import check, read_settings
from dynamojax.config.relations import noise_kind
from dynamojax.config.spectrograph_keys import SPECTROGRAPH_PRESETS
from dynamojax.config.table import DUST_LAWS
from dynamojax.constants import DAY_S
from dynamojax.instruments import spectrograph_presets as presets
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.simulate import Smoothing
from dynamojax.surface.convection import Convection
from dynamojax.system import Planets, SpotMap, System


def settings(tmp_path, **data):
    data = (
        data
        if data.keys() & {"spectrographs", "velocities"}
        else {"photometers": [{"preset": "gaia"}]} | data
    )
    path = tmp_path / "c.toml"
    path.write_text(documents.to_toml(check(data)))
    return read_settings(path)


@pytest.mark.parametrize("preset", [name for name in SPECTROGRAPH_PRESETS if name != "custom"])
def test_every_preset_is_built_as_the_library_has_it(tmp_path, preset):
    table = {"preset": preset, "name": "mine", "start": 3.0, "epochs": 2, "cadence": 5.0, "n_sub": 3}
    (made,) = build_spectra.spectrographs(settings(tmp_path, spectrographs=[table]))
    expected = getattr(presets, preset)(start=3.0, epochs=2, cadence=5.0, n_sub=3)
    assert made == dataclasses.replace(expected, name="mine")


def test_wavelengths_times_exposure_and_resolution_are_those_given(tmp_path):
    table = {"preset": "lamost", "times": [1.0, 4.5], "exposure_s": 60, "wavelength": [5000, 6000]}
    (made,) = build_spectra.spectrographs(settings(tmp_path, spectrographs=[table | {"resolution": 1000}]))
    assert made == presets.lamost([1.0, 4.5], exposure_s=60, resolution=1000).within(5000, 6000)


def test_a_table_of_pixels(tmp_path):
    (tmp_path / "pixels.txt").write_text("# A, R\n" + "".join(f"{w} 3000\n" for w in range(5000, 5100)))
    (tmp_path / "times.txt").write_text("2.5 a\n3.5 b\n")
    table = {"preset": "custom", "name": "mine", "file": "pixels.txt", "medium": "air"}
    table |= {"times_file": "times.txt", "exposure_s": 864.0, "wavelength": [5020, 5080]}
    (made,) = build_spectra.spectrographs(settings(tmp_path, spectrographs=[table]))
    assert made.medium == "air" and made.exposure == 0.01 and made.n_pixels == 59
    np.testing.assert_array_equal(made.times, [2.5, 3.5])
    # In air, by 1.4 A at 5000 A, the pixels are labelled with whole numbers.
    np.testing.assert_allclose(made.wavelength_written - np.round(made.wavelength_written), 0.0, atol=1e-6)


def test_a_range_and_a_resolution(tmp_path):
    table = {"preset": "custom", "name": "mine", "wavelength": [5000, 6000], "resolution": 500}
    (made,) = build_spectra.spectrographs(
        settings(tmp_path, spectrographs=[table | {"pixels_per_element": 4}])
    )
    assert np.all(made.resolution == 500) and made.wavelength[0] == 5000 and made.wavelength[-1] <= 6000
    np.testing.assert_allclose(np.diff(np.log(made.wavelength)), 1 / 2000, rtol=1e-9)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"times": [2.0, 1.0]}, r"spectrographs\[0\]: lamost: times\[1\] = 1.0 must exceed"),
        ({"times": [1.0, 1.001]}, r"spectrographs\[0\]: lamost: overlapping exposures"),
        ({"wavelength": [1000, 2000]}, "no pixel between low = 1000.* it covers 3690"),
        ({"resolution": 1.0}, "resolution = 1.0 is out of range"),
        ({"times": [1.0], "epochs": 2}, "times and epochs exclude each other"),
        ({"wavelength": [5000]}, "two rising positive numbers"),
        ({"preset": "lamots"}, "'lamots' is not a choice; allowed: lamost, lamost_mrs, apogee"),
        ({"preset": "custom"}, "name is missing"),
        ({"preset": "custom", "name": "x"}, "needs file, or both wavelength and resolution"),
        ({"preset": "custom", "name": "x", "file": "none.txt"}, "none.txt is not a table"),
        ({"file": "x.txt"}, "file = 'x.txt' is for custom, not for lamost"),
        ({"noise": "snr"}, 'noise = "snr" and snr belong together'),
        ({"preset": "harps", "magnitude": 8.0}, "magnitude = 8 is for the noise of lamost"),
        ({"exposure_s": 0}, "must be above 0"),
        ({"times": [0.0, float("nan")]}, r"times = nan is out of range; allowed: any finite number day"),
        ({"times": []}, r"times = \[\] is not a number"),
        ({"wavelength": [5000, float("inf")]}, "wavelength = inf is out of range"),
        ({"barycentric_velocity": float("nan")}, r"\[0\].barycentric_velocity = nan is out of range"),
        ({"barycentric_velocity": [12.0, 12e3]}, r"= 12000.0 is out of range; allowed: \[-100, 100\] km/s"),
        ({"barycentric_velocity": [12.0, True]}, "barycentric_velocity = True is not a number"),
    ],
)
def test_what_is_wrong_with_a_spectrograph(tmp_path, table, message):
    with pytest.raises(ValueError, match=message):
        build_spectra.spectrographs(settings(tmp_path, spectrographs=[{"preset": "lamost"} | table]))


def test_velocimeters(tmp_path):
    tables = [{"bands": ["kepler", "tess"], "epochs": 3, "exposure_s": 864}, {"name": "b", "times": [1, 2]}]
    long, short = build_spectra.velocimeters(settings(tmp_path, velocities=tables))
    assert (long.name, long.bands, long.exposure, long.n_sub) == ("rv", ("kepler", "tess"), 864 / DAY_S, 3)
    assert (short.name, short.bands, short.n_sub) == ("b", ("johnson_v",), 1)
    with pytest.raises(ValueError, match=r"velocities\[0\]: rv: times\[1\]"):
        build_spectra.velocimeters(settings(tmp_path, velocities=[{"times": [2, 1]}]))


def test_errors_of_velocities_in_km_s(tmp_path):
    made = settings(tmp_path, velocities=[{"error_m_s": "0.002 km/s"}])
    assert made["velocities"][0]["error_m_s"] == pytest.approx(2.0)


def test_convection(tmp_path):
    table = {"spot_inhibition": 0.8, "facula_inhibition": 0.3}
    made = build_spectra.convection(settings(tmp_path, convection=table))
    expected = Convection.solar(spot_inhibition=0.8, facula_inhibition=0.3)
    np.testing.assert_array_equal(made.shift, expected.shift)
    assert float(made.spot_inhibition) == pytest.approx(0.8)
    none = build_spectra.convection(settings(tmp_path, convection={"shift": "none"}))
    assert float(none.velocity(jnp.asarray(0.3))) == 0.0


def star_of(tmp_path, **star):
    made = settings(tmp_path, star=star)
    return made, build.star(made)


def test_room_for_velocities_is_what_the_star_needs(tmp_path):
    made, star = star_of(tmp_path, prot=5.0, macroturbulence=4.0)
    room = build_spectra.disc(made, star, Convection.solar()).max_velocity
    # 10.12 km/s at the equator, three macroturbulences, at most 1.9 km/s of convection, and 2 to spare.
    assert 10.12 + 12 < room < 10.12 + 12 + 6
    made["spectra"]["max_velocity"] = 20.0
    with pytest.raises(ValueError, match="max_velocity = 20 km/s is below the 24"):
        build_spectra.disc(made, star, Convection.solar())


def test_shift_of_the_star_as_a_whole(tmp_path):
    made, star = star_of(tmp_path, rv=-50.0)
    planet = Planets.from_degrees(radius_earth=10.0, star_radius=1.0, period=3.0, mass_earth=3e5)
    system = System(star, SpotMap.empty(), planet)
    shift = build_spectra.max_shift(made, system, [presets.lamost([0.75, 2.25])])
    # K = 28.43 m/s x 944 Jupiters x (1.9 suns)^(-2/3) (3 d / yr)^(-1/3) = 86.7 km/s, at both quadratures.
    assert 50 + 86.7 < shift < 50 + 86.7 + 5
    made["spectra"]["max_shift"] = 100.0
    with pytest.raises(ValueError, match="max_shift = 100 km/s is not above"):
        build_spectra.max_shift(made, system, [presets.lamost([0.75, 2.25])])


def test_the_grid_is_cut_to_the_star_its_spots_and_faculae(tmp_path):
    made, star = star_of(tmp_path, teff=5500.0, spot_contrast=1000.0, logg=4.5, feh=0.1)
    file = open_grid()
    spotted = System(star, SpotMap.from_degrees(0, 0, 5), Planets.empty())
    ranges = build_spectra.grid_ranges(file, spotted, has_faculae=True)
    assert ranges["teff"] == (4500.0, 5550.0) and ranges["logg"] == (4.5, 4.5)
    plain = System(star, SpotMap.empty(2), Planets.empty())
    assert build_spectra.grid_ranges(file, plain, has_faculae=True)["teff"] == (5500.0, 5500.0)
    small = file.cut(**ranges, wavelength=(5000.0, 6000.0)).n_bytes
    assert small < 0.8 * file.cut(wavelength=(5000.0, 6000.0)).n_bytes


@pytest.mark.parametrize(
    ("star", "message"),
    [
        ({"teff": 9000.0}, "star.teff: the photosphere at 9000 is off the spectral grid spectra.h5"),
        ({"teff": 4000.0}, r"a spot \(teff - spot_contrast\) at 2500 is off"),
        ({"logg": 1.0}, "star.logg: the star at 1 is off"),
        ({"feh": -2.0}, "star.feh: the star at -2 is off"),
    ],
)
def test_stars_off_the_spectral_grid(tmp_path, star, message):
    _, made = star_of(tmp_path, **star)
    system = System(made, SpotMap.from_degrees(0, 0, 5), Planets.empty())
    with pytest.raises(ValueError, match=message):
        build_spectra.grid_ranges(open_grid(), system, has_faculae=False)


def test_pixels_beyond_the_grid_and_too_fine_for_it():
    file, disc = open_grid(), DiscConfig(max_velocity=10.0)
    build_spectra.check_reach(presets.lamost(), file, disc, 300.0, Smoothing())
    build_spectra.check_reach(presets.apogee(), file, disc, 300.0, Smoothing())
    with pytest.raises(
        ValueError, match=r"harps: resolution = 115000, .* good for \d+ at most.*spectra.grid"
    ):
        build_spectra.check_reach(presets.harps(), file, disc, 30.0, Smoothing())
    low = presets.lamost(resolution=500.0)
    beyond = dataclasses.replace(low, arms=_moved(low, 0.885))
    with pytest.raises(ValueError, match="lamost: pixels from 32.* key wavelength"):
        build_spectra.check_reach(beyond, file, disc, 3000.0, Smoothing())


def _moved(spectrograph, factor):
    return tuple(
        dataclasses.replace(arm, wavelength=arm.wavelength * factor, edges=arm.edges * factor)
        for arm in spectrograph.arms
    )


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ({"preset": "lamost"}, "lamost"),
        ({"preset": "apogee", "noise": "none"}, "none"),
        ({"preset": "apogee", "snr": 100}, "snr"),
        ({"preset": "gaia_rvs"}, "none"),
    ],
)
def test_noise_of_a_spectrograph(tmp_path, table, kind):
    made = settings(tmp_path, spectrographs=[table], noise={"ripple": False})
    (spectrograph,), (checked,) = build_spectra.spectrographs(made), made["spectrographs"]
    assert noise_kind(checked) == kind
    model = build_spectra.spectral_noise(spectrograph, checked, made["noise"])
    assert (model is None) == (kind == "none")
    if model is not None:
        assert model.ripple is None and (model.bad_pixels is None) == (kind == "snr")
    off = made["noise"] | {"enabled": False}
    assert build_spectra.spectral_noise(spectrograph, checked, off) is None


def test_motion_of_the_observer(tmp_path):
    table = {"preset": "lamost", "times": [0.5, 2.0], "wavelength": [6500, 6700]}
    site = {"site": [117.6, 40.4, 960.0], "target_deg": [90.0, 23.4]}
    given = {}
    kinds = {"list": [-12.0, 20.0], "one": [3.0], "number": 3.0, "unit": "3000 m/s"}
    kinds = {name: {"barycentric_velocity": value} for name, value in kinds.items()}
    for name, keys in {"none": {}, **kinds, "site": site}.items():
        made = settings(tmp_path, spectrographs=[table | keys], simulation={"epoch_bjd": 2455462.0})
        seen = build_spectra.spectrographs(made)
        given[name] = build_sky.observers(made, seen, made["spectrographs"])
    assert given["none"] == {}
    np.testing.assert_array_equal(given["list"]["lamost"], [-12.0, 20.0])
    for one in ("one", "number", "unit"):
        np.testing.assert_array_equal(given[one]["lamost"], [3.0, 3.0])
    assert np.all(given["site"]["lamost"] > 28.0)  # flies towards the solstice in September
    system = System(build.star(made), SpotMap.empty(1), Planets.empty(0))
    assert build_spectra.max_shift(made, system, seen, given["list"]) > 20.0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"barycentric_velocity": [1.0, 2.0, 3.0]}, "has 3 numbers; one for each of 2 epochs"),
        ({"site": [117.6, 40.4, 960.0]}, "site and target_deg belong together"),
        ({"site": [117.6, 95.0, 960.0], "target_deg": [0, 0]}, "site = .* must be east longitude"),
        (
            {"site": [1.0, 2.0, 3.0], "target_deg": [0, 0], "barycentric_velocity": [1.0]},
            "exclude each other",
        ),
        (
            {"site": [1.0, 2.0, 3.0], "target_deg": [0, 0], "times": [0.5, 1e9]},
            "the years 1900 to 2100",
        ),
        ({"site": [1.0, 2.0, 3.0], "target_deg": [400, 0]}, "target_deg = .* must be right ascension"),
    ],
)
def test_impossible_observers(tmp_path, keys, message):
    table = {"preset": "lamost", "times": [0.5, 2.0]} | keys
    with pytest.raises(ValueError, match=message):
        made = settings(tmp_path, spectrographs=[table])
        build_sky.observers(made, build_spectra.spectrographs(made), made["spectrographs"])


def test_law_of_extinction(tmp_path):
    made = settings(tmp_path, extinction={"law": "F99", "r_v": 4.0})
    assert build_sky.extinction(made) == Extinction("F99", 4.0)
    assert build_sky.extinction(settings(tmp_path)) == Extinction()
    assert DUST_LAWS == LAWS
    with pytest.raises(ValueError, match=r"extinction.r_v = 9: .* in \[2, 6\] for the law F99; change r_v"):
        build_sky.extinction(settings(tmp_path, extinction={"law": "F99", "r_v": 9.0}))
    with pytest.raises(ValueError, match="'smc' is not a choice"):
        settings(tmp_path, extinction={"law": "smc"})


def test_the_fastest_of_the_disc_is_named(tmp_path):
    for name, value in {"microturbulence": 1200.0, "macroturbulence": 2000.0, "prot": 1e-3}.items():
        made, star = star_of(tmp_path, **{name: value})
        made["spectra"]["max_velocity"] = 50.0  # of no account: none would be enough
        with pytest.raises(ValueError, match=rf"star.{name} = {value:g} makes lines \d+ km/s wide"):
            build_spectra.disc(made, star, Convection.solar())


def test_room_for_microscopic_motion(tmp_path):
    rooms = []
    for xi in (0.0, 4.0):
        made, star = star_of(tmp_path, prot=5.0, microturbulence=xi)
        rooms.append(build_spectra.disc(made, star, Convection.solar()).max_velocity)
    assert rooms[1] - rooms[0] == pytest.approx(12.0, abs=1.0)
