"""Plots: the image carries the light of the light curve, and files appear whole or not at all."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from dynamojax.atmosphere.grid import load_grid
from dynamojax.atmosphere.limb_darkening import LimbDarkening
from dynamojax.instruments.photometer import Photometer
from dynamojax.observables.noise import NoisyLightCurve
from dynamojax.plotting import animate_star, disc_image, plot_butterfly, plot_disc, plot_light_curves
from dynamojax.plotting.disc import _AXIS_LENGTH, LIMIT, half_width
from dynamojax.plotting.style import PALETTE, band_colours, star_colormap
from dynamojax.simulate import Simulator
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import Planets, SpotMap, Star, System

TIMES = np.array([0.0, 0.7, 1.9, 3.3, 4.1, 6.0])


@pytest.fixture(scope="module")
def system():
    star = Star.from_degrees(
        prot=7.0, inc_deg=65.0, spot_contrast=1200.0, facula_contrast=60.0, facula_ratio=1.5
    )
    spots = SpotMap.from_degrees([25.0, -20.0, 60.0], [10.0, 100.0, 220.0], [12.0, 9.0, 15.0]).padded(4)
    planets = Planets.from_degrees(
        radius_earth=[11.0, 0.0], star_radius=1.0, period=[4.0, 1.0], t_transit=1.0, inc_deg=[88.0, 90.0]
    )
    return System(star, spots, planets)


@pytest.fixture(scope="module")
def simulator():
    two = Photometer("two", ("johnson_b", "cousins_i"), TIMES)
    return Simulator(
        load_grid(), [Photometer("kepler", ("kepler",), TIMES), two], surface=SurfaceConfig(faculae=True)
    )


@pytest.fixture(scope="module")
def observables(simulator, system):
    return simulator(system)


@pytest.fixture(autouse=True)
def leaves_no_trace():
    """No setting changed, no figure known to pyplot."""
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


def _without_planets(system):
    return dataclasses.replace(system, planets=Planets.empty(2))


@pytest.mark.slow
@pytest.mark.parametrize("band", ["kepler", "johnson_b"])
def test_image_holds_the_light_of_the_light_curve(simulator, system, band):
    # 480 pixels with linear edges: 3e-4 of the disc's light is what a rim one pixel wide can misplace.
    system = _without_planets(system)
    name = "kepler" if band == "kepler" else "two"
    curve = np.asarray(simulator(system).light_curves[name].flux[0])
    clean = dataclasses.replace(system, spots=SpotMap.empty(4))
    image, opacity = disc_image(simulator, clean, 0.0, band=band)
    whole = np.sum(image * opacity)
    for time, flux in zip(TIMES, curve, strict=True):
        image, opacity = disc_image(simulator, system, float(time), band=band)
        assert np.sum(image * opacity) / whole == pytest.approx(flux, abs=3e-4)
    assert np.ptp(curve) > 5e-3  # there is something to see


def test_image_has_y_up_and_the_receding_limb_right(simulator):
    star = Star.from_degrees(inc_deg=90.0, prot=10.0, shear=0.0)
    system = System(star, SpotMap.from_degrees(40.0, 0.0, 6.0), Planets.empty())
    image, opacity = disc_image(simulator, system, 1.25, n_pixels=400)
    row, col = np.unravel_index(np.argmin(np.where(opacity == 1, image, 9.0)), image.shape)
    step = 2 * half_width(400) / 400
    x, y = (col + 0.5) * step - half_width(400), (row + 0.5) * step - half_width(400)
    expected = np.cos(np.deg2rad(40)) * np.sin(np.deg2rad(45)), np.sin(np.deg2rad(40))
    # Darkest is the spot's limbward rim, at most its radius away.
    assert np.hypot(x - expected[0], y - expected[1]) < np.deg2rad(6.5)


def test_disc_panels_have_planets_axis_and_equator(simulator, system):
    figure = plot_disc(simulator, system, [1.0, 3.0], n_pixels=64)
    front, behind = figure.axes[:2]
    planet, empty = front.patches
    assert planet.get_visible() and planet.get_zorder() > front.images[0].get_zorder()
    assert not empty.get_visible()
    assert planet.radius == pytest.approx(float(system.planets.radius_ratio[0]))
    assert behind.patches[0].get_zorder() < behind.images[0].get_zorder()
    ends = [line.get_ydata() for line in front.lines if len(line.get_ydata()) == 2]
    assert max(map(max, ends)) == pytest.approx(_AXIS_LENGTH * np.sin(float(system.star.inc)), rel=1e-6)
    assert front.get_xlim() == (-LIMIT, LIMIT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": "sdss_u"}, "sdss_u"),
        ({"times": []}, "times"),
        ({"times": [np.nan]}, "times"),
        ({"n_pixels": 2}, "n_pixels = 2"),
    ],
)
def test_disc_refuses(simulator, system, change, message):
    arguments = {"times": [0.0], "n_pixels": 64} | change
    with pytest.raises(ValueError, match=message):
        plot_disc(simulator, system, **arguments)


def test_disc_refuses_a_star_off_the_grid_and_a_population(simulator, system):
    hot = dataclasses.replace(system, star=dataclasses.replace(system.star, teff=90000.0))
    with pytest.raises(ValueError, match="90000 K"):
        plot_disc(simulator, hot, [0.0])
    many = jax.tree.map(lambda x: x[None], system)
    with pytest.raises(ValueError, match="one star"):
        plot_disc(simulator, many, [0.0])


def test_light_curves_show_model_and_good_points(simulator, observables):
    flux = np.asarray(observables.light_curves["kepler"].flux)
    good = np.array([True, True, False, True, True, True])
    noisy = NoisyLightCurve(flux[0] + 1e-4, np.full(6, 1e-4), good)
    figure = plot_light_curves(simulator, observables, noisy={"kepler": noisy})
    first, second = figure.axes
    points, model = first.lines
    np.testing.assert_allclose(model.get_ydata(), 100 * (flux[0] - 1), rtol=1e-5, atol=1e-7)
    assert np.isnan(points.get_ydata()[2]) and np.isfinite(points.get_ydata()[good]).all()
    assert {text.get_text() for text in second.get_legend().get_texts()} == {"johnson_b", "cousins_i"}
    low, high = first.get_ylim()
    assert low < model.get_ydata().min() and high > model.get_ydata().max()
    assert "[%]" in figure.get_supylabel() and second.get_xlabel() == "Time [d]"


def test_light_curves_break_at_gaps(system):
    times = np.concatenate([np.arange(0.0, 1.0, 0.1), np.arange(3.0, 4.0, 0.1)])
    simulator = Simulator(load_grid(), [Photometer("kepler", ("kepler",), times)])
    figure = plot_light_curves(simulator, simulator(system))
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [10, 10]


def test_light_curves_refuse(simulator, observables):
    with pytest.raises(ValueError, match="plato"):
        plot_light_curves(simulator, observables, noisy={"plato": np.ones(6)})
    with pytest.raises(ValueError, match=r"\(1, 5\)"):
        plot_light_curves(simulator, observables, noisy={"kepler": np.ones(5)})
    with pytest.raises(ValueError, match="valid is False"):
        plot_light_curves(simulator, eqx.tree_at(lambda o: o.valid, observables, jnp.array(False)))
    with pytest.raises(ValueError, match="one star"):
        plot_light_curves(simulator, jax.tree.map(lambda x: x[None], observables))


def test_butterfly_shows_each_spot_with_its_area():
    spots = SpotMap.from_degrees(
        [20.0, -10.0, 5.0], 0.0, [8.0, 4.0, 2.0], t_max=[0.0, 50.0, 90.0], tau_emerge=5.0, tau_decay=20.0
    ).padded(6)
    figure = plot_butterfly(spots)
    axes = next(a for a in figure.axes if a.get_ylabel() == "Latitude [deg]")
    marks = axes.collections[1]
    order = np.argsort(marks.get_offsets()[:, 0])
    np.testing.assert_allclose(
        marks.get_offsets()[order], [[0, 20], [50, -10], [90, 5]], atol=1e-4
    )  # float32 degrees
    area = 1 - np.cos(np.deg2rad([8.0, 4.0, 2.0]))
    np.testing.assert_allclose(marks.get_sizes()[order] / marks.get_sizes().max(), area / area[0], rtol=1e-4)
    assert "[d]" in axes.get_xlabel()
    top = next(a for a in figure.axes if a.get_ylabel() == "Covered [%]")
    peak = 50 * area[0]  # the first spot alone, at its maximum: the others are far in time
    assert top.lines[0].get_ydata().max() == pytest.approx(peak, rel=0.02)


def test_butterfly_refuses():
    with pytest.raises(ValueError, match="no spot"):
        plot_butterfly(SpotMap.empty(3))
    with pytest.raises(ValueError, match="one star"):
        plot_butterfly(jax.tree.map(lambda x: x[None], SpotMap.empty(3)))
    with pytest.raises(ValueError, match="hour"):
        plot_butterfly(SpotMap.from_degrees(1.0, 1.0, 1.0), unit="hour")
    with pytest.raises(ValueError, match="cubic"):
        plot_butterfly(SpotMap.from_degrees(1.0, 1.0, 1.0), law="cubic")


def _animate(simulator, system, path, **options):
    options = {"n_frames": 4, "n_pixels": 48, "dpi": 40} | options
    return animate_star(simulator, system, "kepler", path, **options)


def test_animation_is_written_whole(simulator, system, tmp_path):
    seen = []
    path = _animate(simulator, system, tmp_path / "star.gif", progress=lambda *done: seen.append(done))
    with Image.open(path) as image:
        assert image.n_frames == 4
        first = np.asarray(image.convert("L"), int)
        image.seek(3)
        assert np.abs(np.asarray(image.convert("L"), int) - first).max() > 50
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_animation_leaves_the_old_file(simulator, system, tmp_path):
    path = tmp_path / "star.gif"
    path.write_bytes(b"old")

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _animate(simulator, system, path, progress=stop)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_animation_refuses(simulator, system, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    for path, message in (
        ("star.mp4", "ffmpeg"),
        ("star.avi", r"\.gif or \.mp4"),
        ("missing/star.gif", "folder"),
    ):
        with pytest.raises(ValueError, match=message):
            _animate(simulator, system, tmp_path / path)
    for options, message in (
        ({"n_frames": 1}, "n_frames = 1"),
        ({"fps": 0}, "fps = 0"),
        ({"band": "tess"}, "tess"),
        ({"start": 100.0, "stop": 101.0}, "exposures"),
    ):
        with pytest.raises(ValueError, match=message):
            _animate(simulator, system, tmp_path / "star.gif", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("teff", [2500.0, 4000.0, 5772.0, 9000.0, 30000.0])
def test_star_colormap_rises_in_lightness(teff):
    rgb = star_colormap(teff)(np.linspace(0, 1, 64))[:, :3]
    lightness = rgb @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(lightness) > 0)


def test_bands_have_colours_of_their_own():
    assert band_colours(np.arange(3.0)) == list(PALETTE[:3])
    assert len(set(band_colours(np.arange(20.0)))) == 20


def test_disc_is_drawn_with_the_limb_darkening_simulated(system):
    uniform = LimbDarkening([0.0], "linear")
    photometer = Photometer("kepler", ("kepler",), np.arange(2.0))
    simulator = Simulator(load_grid(), [photometer], limb_darkening={"kepler": uniform})
    clean = System(system.star, SpotMap.empty(1), Planets.empty(0))
    image, opacity = disc_image(simulator, clean, 0.0, n_pixels=64)
    # float32 and the projection on powers of mu
    np.testing.assert_allclose(image[opacity == 1], 1, rtol=1e-4)
