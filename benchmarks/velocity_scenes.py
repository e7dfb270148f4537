"""Spotted and transited stars with lines of one Gaussian, and what other systems make of their velocities.

The set-up is that of SOAP 2.0 (Dumusque, Boisse & Santos 2014, ApJ 796, 132): each cell of the disc carries
one profile, moved by its velocity and weighted by its intensity; spots and plages differ from the quiet
surface by the Planck law at 5293 A and by inhibited convection. Its defaults, from config.cfg of the code
(github.com/iastro-pt/SOAP): the Sun at 25.05 d and 90 deg, 5778 K, spots 663 K cooler, quadratic limb
darkening 0.29 and 0.34, R = 115000. Its profiles are those of the solar atlas; here they are Gaussians.
"""

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from dynamojax.numerics import as_float
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.photometry import BandPolynomials
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.surface.convection import Convection
from dynamojax.surface.moments import SurfaceConfig

C_KM_S = 299792.458
U1, U2 = 0.29, 0.34
TEFF, COOLER, PLAGE_K = 5778.0, 663.0, 34.4
RADIUS = 696000.0 / 695700.0
SIGMA, DEPTH = 2.5, 0.5  # of the lines [km/s] and [1]
LINES = 5293.0 * np.exp(np.array([-450.0, -220.0, 10.0, 260.0, 480.0]) / C_KM_S)
RESOLUTION, PIXEL = 115000.0, 0.8  # [1], [km/s]
VELOCITIES = np.arange(-20, 20.1, 0.5)
DISC = DiscConfig(n_disc=(64, 16), n_cap=(8, 24), max_velocity=40.0)  # room for slow rotation only
SHIFT = -0.35  # of the quiet surface, as between the quiet and the active atlas in SOAP 2.0 [km/s]


def planck(teff, wavelength: float = 5293.0):
    """Of the Planck law, any unit."""
    return 1 / np.expm1(1.4387769e8 / (wavelength * teff))


def write_grid(path: Path, sampling: float = C_KM_S, temperatures=(4800.0, 5115.0, 5450.0, 5778.0, 6100.0)):
    """A spectral grid of the lines, the same at every gravity and metallicity."""
    axis = LogAxis.from_range(5280.0, 5306.0, sampling)
    mu = quadrature_nodes(6)[0][:, None]
    darkening = np.log10(1 - U1 * (1 - mu) - U2 * (1 - mu) ** 2)
    t = (axis.ln_wavelength[:, None] - np.log(LINES)) / (SIGMA / C_KM_S)
    line = np.log10(1 - DEPTH * np.exp(-0.5 * t * t).sum(axis=1))
    nodes = {"teff": temperatures, "logg": (4.0, 4.25, 4.5, 4.75), "feh": (-1.0, 0.0, 0.5)}
    segments = [Segment("green", axis, representation="float32")]
    facts = {"source": "Gaussian lines", "licence": "none", "provenance": {}}
    with GridWriter(path, **nodes, n_mu=6, segments=segments, **facts) as writer:
        for teff in temperatures:
            spectrum = 6 + np.log10(planck(teff)) + darkening + line
            for logg in nodes["logg"]:
                for feh in nodes["feh"]:
                    writer.add(teff, logg, feh, {"green": spectrum})
    return path


def spectrograph(times) -> Spectrograph:
    """R = 115000 on even pixels of 0.8 km/s."""
    n = int(np.log(5303.0 / 5283.0) * C_KM_S / PIXEL)
    arm = Arm.from_centres("green", 5283.0 * np.exp(PIXEL / C_KM_S * np.arange(n)), RESOLUTION)
    return Spectrograph("harps_like", (arm,), np.asarray(times, float))


@dataclass(frozen=True)
class Region:
    """One active region: a share of the visible hemisphere, spot or plage."""

    kind: str
    area: float = 0.01
    lat_deg: float = 0.0
    prot: float = 25.05
    inhibited: bool = True

    @property
    def radius(self) -> float:
        """Angular radius: SOAP's sqrt(2 S) is its sine. [rad]"""
        return float(np.arcsin(np.sqrt(2 * self.area)))

    @property
    def shift(self) -> float:
        """Convective shift of the quiet surface. [km/s]"""
        return SHIFT if self.inhibited else 0.0

    @property
    def vsini(self) -> float:
        """[km/s]"""
        return 2 * np.pi * RADIUS * 695700.0 / (self.prot * 86400.0)

    @property
    def system(self) -> dj.System:
        """A plage is the facula of a spot ten thousand times smaller."""
        share = 1.0 if self.kind == "spot" else 1e-4
        star = dj.Star.from_degrees(
            teff=TEFF,
            logg=4.44,
            radius=RADIUS,
            prot=self.prot,
            inc_deg=90.0,
            shear=0.0,
            spot_contrast=COOLER,
            facula_contrast=PLAGE_K,
            facula_ratio=1 / share - 1,
            convective_blueshift=1.0,
        )
        radius = 2 * np.arcsin(np.sqrt(share) * np.sin(0.5 * self.radius))
        return dj.System(
            star, dj.SpotMap.from_degrees(self.lat_deg, 0.0, np.rad2deg(radius)), dj.Planets.empty()
        )

    def times(self, n: int = 33, reach: float = 0.3) -> np.ndarray:
        """Over `reach` of a turn before and after the passage of the central meridian. [day]"""
        return self.prot * np.linspace(-reach, reach, n)

    def simulator(self, grid, times) -> dj.Simulator:
        """Of the spectra; `grid` is an open file of `write_grid`."""
        return dj.Simulator(
            dj.load_grid(),
            spectrographs=[spectrograph(times)],
            spectra=grid,
            smoothing=Smoothing(over=np.inf),
            surface=SurfaceConfig(law="constant", faculae=self.kind == "plage"),
            disc=DISC,
            convection=Convection([self.shift], 1.0, 1.0),
            max_shift=60.0,
        )

    def bands(self) -> BandPolynomials:
        """The band of the closed form: limb darkening and contrast of the grid."""
        quiet = np.array([1 - U1 - U2, U1 + 2 * U2, -U2])
        mu = np.linspace(0.02, 1, 200)
        dark = np.polynomial.polynomial.polyval(mu, quiet)
        plage = np.polynomial.polynomial.polyfit(mu, dark * plage_contrast(mu), 6)
        rows = (np.pad(quiet, (0, 4)), np.pad(quiet, (0, 4)) * spot_contrast(), plage)
        return BandPolynomials(*(as_float(row)[None] for row in rows), jnp.asarray(True))

    def closed_form(self, times):
        """The velocity series of the same star. [km/s]"""
        surface = SurfaceConfig(law="constant", faculae=self.kind == "plage")
        given = self.system, dj.Epochs.from_days(times), self.bands(), surface
        return jax.jit(dj.velocity_series)(*given, Convection([self.shift], 1.0, 1.0))


def spot_contrast() -> float:
    """Of the spots' intensity over the quiet one, Planck's law."""
    return planck(TEFF - COOLER) / planck(TEFF)


def plage_contrast(mu, law: str = "fourth power"):
    """Of the plages' intensity: excess of Meunier et al. (2010) by T^4, or by Planck's law as in SOAP."""
    excess = PLAGE_K * (250.9 - 407.4 * mu + 190.9 * mu**2) / 34.4
    if law == "planck":
        return planck(TEFF + excess) / planck(TEFF)
    at_centre = planck(TEFF + PLAGE_K) / planck(TEFF)
    return at_centre * ((TEFF + excess) / (TEFF + PLAGE_K)) ** 4


def cells(
    region: Region,
    times,
    n: int = 600,
    law: str = "fourth power",
    widening: float = 1.0,
    weakening: float = 1.0,
) -> np.ndarray:
    """Correlation functions by cells of the disc, (times, VELOCITIES), in NumPy: SOAP's method.

    Lines are as wide as the instrument, its pixels (twice) and the holes of the mask leave them; in the
    active region `widening` times as wide, with `weakening` times the area.
    """
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n * 2 - 1] * 2)
    inside = x * x + y * y < 1
    x, y = x[inside], y[inside]
    mu = np.sqrt(1 - x * x - y * y)
    light = 1 - U1 * (1 - mu) - U2 * (1 - mu) ** 2
    lsf = C_KM_S / RESOLUTION / np.sqrt(8 * np.log(2))
    width = np.sqrt(SIGMA**2 + lsf**2 + 3 * PIXEL**2 / 12)
    depth = DEPTH * SIGMA / width

    def profile(velocity, weight, wider=1.0, weaker=1.0):
        order = np.unique(velocity, return_inverse=True)
        total = np.bincount(order[1], weights=weight)
        t = (VELOCITIES[:, None] - order[0]) / (wider * width)
        return (1 - weaker * depth / wider * np.exp(-0.5 * t * t)) @ total

    moving = region.vsini * x
    quiet = profile(moving + region.shift, light)
    found = []
    lat = np.deg2rad(region.lat_deg)
    for time in times:
        lon = 2 * np.pi * time / region.prot
        centre = np.cos(lat) * np.sin(lon), np.sin(lat), np.cos(lat) * np.cos(lon)
        here = x * centre[0] + y * centre[1] + mu * centre[2] > np.cos(region.radius)
        contrast = spot_contrast() if region.kind == "spot" else plage_contrast(mu[here], law)
        own = light[here]
        changed = profile(moving[here], contrast * own, widening, weakening) - profile(
            moving[here] + region.shift, own
        )
        found.append(quiet + changed)
    return np.array(found)


def shapes_of(profiles):
    """Velocity, FWHM, contrast and span of profiles, as NumPy arrays."""
    both = jax.jit(jax.vmap(dj.line_shape, (None, 0)))(as_float(VELOCITIES), as_float(profiles))
    assert bool(jnp.all(both.valid))
    names = ("velocity", "fwhm", "contrast", "span")
    return {name: np.asarray(getattr(both, name), float) for name in names}


def ours(region: Region, grid, times) -> dict[str, np.ndarray]:
    """The same through the whole chain: grid, disc, instrument, mask."""
    simulate = region.simulator(grid, times)
    flux = simulate(region.system).spectra["harps_like"].flux
    correlate = dj.correlator(spectrograph(times), dj.LineMask.from_lines("five", LINES), VELOCITIES)
    return shapes_of(jax.vmap(correlate)(flux).total)


# Rossiter-McLaughlin: a planet of a tenth of the star on a circular orbit, impact parameter 0.3.
RM = {"ratio": 0.1, "period": 5.0, "impact": 0.3, "prot": 10.0}


def transit(obliquity_deg: float, ratio: float = RM["ratio"]) -> tuple[dj.System, float]:
    """The system and its semi-major axis in stellar radii."""
    axis = float(np.cbrt(1.3271244e11 * (5.0 * 86400 / (2 * np.pi)) ** 2) / (RADIUS * 695700.0))
    star = dj.Star.from_degrees(
        teff=TEFF, logg=4.44, radius=RADIUS, prot=RM["prot"], shear=0.0, convective_blueshift=0.0
    )
    planets = dj.Planets.from_degrees(
        radius_earth=[ratio * RADIUS * 695700.0 / 6378.1],
        star_radius=RADIUS,
        period=[RM["period"]],
        inc_deg=[np.rad2deg(np.arccos(RM["impact"] / axis))],
        obliquity_deg=[obliquity_deg],
    )
    return dj.System(star, dj.SpotMap.empty(), planets), axis


def vsini_of_transit() -> float:
    """Of the star that is transited, seen equator-on. [km/s]"""
    return 2 * np.pi * RADIUS * 695700.0 / (RM["prot"] * 86400.0)


def transit_times(n: int = 41) -> np.ndarray:
    """Through the transit. [day]"""
    return np.linspace(-0.08, 0.08, n)


def quiet_band() -> BandPolynomials:
    """Quadratic limb darkening."""
    row = as_float([[1 - U1 - U2, U1 + 2 * U2, -U2]])
    return BandPolynomials(row, row, row, jnp.asarray(True))


def by_ellc(obliquity_deg: float, times, ratio: float = RM["ratio"]) -> np.ndarray:
    """Flux-weighted velocity of the same transit by ellc, its orbital motion taken off. [km/s]"""
    import ellc

    system, axis = transit(obliquity_deg, ratio)

    def velocity(vsini):
        return ellc.rv(
            np.asarray(times, float),
            radius_1=1 / axis,
            radius_2=ratio / axis,
            sbratio=0.0,
            incl=float(np.rad2deg(system.planets.inc[0])),
            t_zero=0.0,
            period=RM["period"],
            a=axis * RADIUS,
            q=1e-3,  # less, and the planet would overflow its lobe
            ld_1="quad",
            ldc_1=[U1, U2],
            lambda_1=obliquity_deg,
            vsini_1=vsini,
            grid_1="very_fine",
            grid_2="very_fine",
            verbose=0,
        )[0]

    return velocity(vsini_of_transit()) - velocity(1e-6)  # 0 would be synchronous rotation


def by_starry(obliquity_deg: float, times, ratio: float = RM["ratio"]) -> np.ndarray:
    """The same by starry's polynomials, in jaxoplanet, at our positions of the planet. [km/s]"""
    from jaxoplanet.starry.doppler import surface_radial_velocity
    from jaxoplanet.starry.surface import Surface

    system, _ = transit(obliquity_deg, ratio)
    where = dj.planet_positions(system.star, system.planets, dj.Epochs.from_days(times))
    surface = Surface(u=(U1, U2), inc=0.5 * np.pi, period=1.0)
    one = jax.jit(jax.vmap(lambda x, y, z: surface_radial_velocity(surface, ratio, x, y, z)))
    # in units of the equatorial velocity that it gives the surface
    return np.asarray(one(*(q[0] for q in where)), float) / float(surface.veq) * vsini_of_transit()


def by_closed_form(obliquity_deg: float, times, ratio: float = RM["ratio"]) -> np.ndarray:
    """Our velocity series. [km/s]"""
    system, _ = transit(obliquity_deg, ratio)
    still = Convection([0.0], 0.0, 0.0)
    given = system, dj.Epochs.from_days(times), quiet_band(), SurfaceConfig(law="constant")
    return np.asarray(jax.jit(dj.velocity_series)(*given, still).transit[0], float)


def by_spectra(obliquity_deg: float, times, grid, ratio: float = RM["ratio"]) -> np.ndarray:
    """Our spectra: mean velocity of the light that the five lines take away. [km/s]"""
    system, _ = transit(obliquity_deg, ratio)
    simulate = dj.Simulator(
        dj.load_grid(),
        spectrographs=[spectrograph(times)],
        spectra=grid,
        smoothing=Smoothing(over=np.inf),
        surface=SurfaceConfig(law="constant"),
        disc=DISC,
        convection=Convection([0.0], 0.0, 0.0),
        max_shift=60.0,
    )
    flux = np.asarray(simulate(system).spectra["harps_like"].flux, float)
    edges = np.log(spectrograph(times).arms[0].edges)
    middle, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    moments = []
    for line in np.log(LINES):
        shift = middle - line
        near = np.abs(shift) < 28 / C_KM_S
        around = (np.abs(shift) >= 28 / C_KM_S) & (np.abs(shift) < 40 / C_KM_S)
        lost = (flux[:, around].mean(axis=1)[:, None] - flux[:, near]) * width[near]
        moments.append(C_KM_S * (lost * shift[near]).sum(axis=1) / lost.sum(axis=1))
    return np.mean(moments, axis=0)
