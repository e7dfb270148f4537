"""What StarSim 2 gives for its toy model: numbers of the code, thinned, and the scheme that makes them.

From science/toy_model of github.com/rosich/Starsim-2 (A. Rosich; MIT licence, in the head of starsim.py),
commit c193265: spot_list.dat, lc_series_450.0_900.0_kepler.dat, and the velocities, whose name tells the
star: rv_P=9.5_Tph=5500_dTsp=1200_Q=0.0_diff=0.5.dat. Every tenth epoch, light to 1e-6, velocity to 1 mm/s.
Coefficients of the differential rotation are those of starsim.conf there; so are the span of 50 days in
steps of 100 min, equator-on, log g of 4.5 and spots whose radii grow and fade by 1 deg a day. The lines are
its precompiled_ccf/ccf_{5500.0,4300.0}_380.0_690.0_15.0.dat, every second velocity.

The scheme (src/mstarsim_mod.f95 in words of our own): a spot is a point with the area of a flat disc, seen
as long as its centre is, with the velocity of its centre, though the star below turns like a solid body. Its
lines are moved by the bisector of solar spots (Dumusque et al. 2014) times mu. The shift of the quiet surface
is left out: the table of it has wrong nodes of mu there, and changes the velocities by less than 1 m/s.
"""

import numpy as np
from scipy.interpolate import CubicSpline

PROT, DIFFERENTIAL = 9.5, 0.5  # [day], and in units of the Sun's
SIN2, SIN4 = 2.39, 1.78  # slower by so much times sin^2 and sin^4 of the latitude [deg/day]
RATE = 1.0  # of growth and decay of the radius [deg/day]
TEFF, COOLER, LOGG = 5500.0, 1200.0, 4.5
RADIUS = (TEFF / 5777.0) ** 1.5  # R_star = -1: mass as T^2, radius from mass^3.5 and T^4 [R_sun]
KM_S = 8.05  # of one solar radius times one rad/day

# Begin, life [day], colatitude, longitude at time 0, largest radius [deg].
SPOTS = np.array(
    """
    18.1432 32.1987 140.4087 312.9174 5.38234  -74.8263 48.3168 101.2544 34.3266 5.20719
    28.1544 18.4320 112.1936 111.6729 0.63461  -72.2356 92.7580 33.6670 97.2134 0.87449
    -33.4909 76.2850 52.4399 266.5483 6.32107  -69.9591 3.1163 127.0895 189.1081 5.68305
    -69.6321 91.5827 77.6691 82.2696 5.94972  -87.1644 84.0596 38.1167 220.8770 0.95607
    -87.2977 46.7501 155.8272 205.3685 7.24216  0.9093 39.7288 101.7174 276.5620 6.21181
    -22.4682 51.3792 49.4354 291.8585 2.00406  17.6016 49.9782 98.7802 61.8234 8.39455
    -30.1160 23.6602 66.9200 11.2102 3.59741  -46.5907 56.9182 128.7551 297.7014 4.70427
    -58.7458 63.9983 109.3015 354.9526 4.35267  -88.5121 36.5502 39.0835 263.4969 4.50814
    -73.8464 30.3897 119.4781 344.5503 3.94235  39.3179 38.2902 44.0043 173.0313 4.78720
    """.split(),
    float,
).reshape(-1, 5)

EVERY, N_EPOCHS, LAST = 10, 720, 50.0
TIMES = np.linspace(0.0, LAST, N_EPOCHS)[::EVERY]

# Relative to the star without spots, 450-900 nm through Kepler's filter.
FLUX = np.array(
    """
    0.993207 0.990304 0.988059 0.987314 0.988400 0.992098 0.996994 0.999908 0.997609 0.993795 0.991154
    0.991009 0.993428 0.997205 0.998292 0.991627 0.984894 0.981859 0.983990 0.990260 0.997272 0.999674
    0.996408 0.992750 0.992796 0.994976 0.997613 0.999321 0.996679 0.989399 0.982851 0.980680 0.984163
    0.991675 0.998226 1.000000 0.996901 0.989112 0.982642 0.981726 0.986075 0.992567 0.993155 0.985327
    0.979840 0.979803 0.985249 0.993370 0.998574 0.999691 0.993506 0.986000 0.981660 0.982598 0.988365
    0.995293 0.997254 0.995370 0.994938 0.995904 0.997664 0.998789 0.998106 0.994961 0.987634 0.981983
    0.980695 0.984075 0.990880 0.998040 0.999807 0.999888
    """.split(),
    float,
)

# Of a Gaussian fitted to the correlation, 380-690 nm, relative to the star without spots. [m/s]
VELOCITY = np.array(
    """
    8.412 8.541 17.299 5.143 -23.480 -29.205 -12.216 -0.302 10.195 27.032 20.374 -15.272 -27.316 -11.710
    6.983 36.462 50.644 5.701 -44.869 -38.785 -10.896 1.234 15.884 28.936 7.999 -13.922 -10.267 -2.688
    13.269 44.315 43.246 -13.308 -49.862 -32.854 -7.159 0.000 13.034 48.721 47.879 -23.705 -57.419 -23.779
    26.056 53.014 30.632 -29.195 -48.766 -25.908 -5.522 1.168 28.314 58.379 28.321 -44.399 -50.834 -13.492
    10.109 12.461 3.157 -7.528 -7.371 0.609 5.365 9.016 34.018 49.950 0.443 -56.439 -40.157 -6.852
    0.675 0.262
    """.split(),
    float,
)


def rotation_rate(colatitude: np.ndarray) -> np.ndarray:
    """Of spots at some colatitude [deg]. [rad/day]"""
    sine2 = np.cos(np.deg2rad(colatitude)) ** 2
    return 2 * np.pi / PROT - np.deg2rad(DIFFERENTIAL * (SIN2 * sine2 + SIN4 * sine2**2))


def radii(times: np.ndarray) -> np.ndarray:
    """Radius of each spot: up, level, down, and nothing outside its life. [rad], (n_spots, n_times)"""
    begin, life, largest = SPOTS[:, [0]], SPOTS[:, [1]], SPOTS[:, [4]]
    grown = np.minimum(np.minimum(times - begin, begin + life - times) * RATE, largest)
    return np.deg2rad(np.maximum(grown, 0.0))


# What a line takes of the light, at velocities from -14.5 to 15 km/s, 5500 K and 4300 K. [1]
_AT = np.arange(-14.5, 15.1, 0.5)
_QUIET = np.array(
    """
    .0004 .0009 .0011 .0011 .0007 -.0005 -.0025 -.0051 -.0078 -.0102 -.0123 -.0142 -.0157 -.0164 -.0156
    -.0126 -.0068 .0031 .0184 .0410 .0747 .1244 .1929 .2765 .3651 .4468 .5129 .5602 .5884 .5987 .5914 .5653
    .5190 .4523 .3683 .2768 .1916 .1236 .0752 .0425 .0202 .0046 -.0065 -.0143 -.0199 -.0232 -.0243 -.0238
    -.0223 -.0204 -.0180 -.0154 -.0128 -.0102 -.0081 -.0069 -.0068 -.0073 -.0082 -.0092
    """.split(),
    float,
)
_SPOT = np.array(
    """
    .0007 .0024 .0049 .0077 .0097 .0101 .0093 .0082 .0077 .0081 .0089 .0094 .0098 .0110 .0129 .0146 .0160
    .0190 .0258 .0378 .0561 .0832 .1238 .1837 .2634 .3532 .4378 .5038 .5442 .5574 .5432 .5013 .4332 .3464
    .2562 .1798 .1247 .0873 .0612 .0426 .0293 .0197 .0131 .0088 .0058 .0031 .0009 -.0005 -.0010 -.0007
    .0001 .0012 .0021 .0027 .0028 .0024 .0019 .0010 -.0004 -.0021
    """.split(),
    float,
)
VELOCITIES = np.arange(-15, 15.1, 0.5)
_FINE = np.arange(-17.0, 17.01, 0.1)
# Shift of spots by the light that is left, 1 in the continuum: c_0 + c_1 d + c_2 d^2. [km/s]
_SPOT_SHIFT = -1.29079545378, 4.52954335802, -3.02308850834


def line(velocity: np.ndarray, *, in_spots: bool) -> np.ndarray:
    """What the line takes, both sides alike, as far as the tables reach and constant beyond. [1]"""
    taken = _SPOT if in_spots else _QUIET
    half = np.arange(0.0, 14.6, 0.5)
    even = 0.5 * (np.interp(half, _AT, taken) + np.interp(-half, _AT, taken))
    return CubicSpline(half, even)(np.minimum(np.abs(velocity), half[-1]))


def mean_spot_shift() -> float:
    """Of the spots' line at mu = 1, where each piece of its flanks counts as in a fit. [km/s]"""
    taken = line(_FINE, in_spots=True)
    slope = np.gradient(taken, _FINE)
    return float(np.average(np.polynomial.polynomial.polyval(1 - taken, _SPOT_SHIFT), weights=slope**2))


def shear() -> float:
    """Of the law 1 - shear sin^2(latitude) that comes nearest to the rates of these spots."""
    sine2 = np.cos(np.deg2rad(SPOTS[:, 2])) ** 2
    return float(np.sum((1 - rotation_rate(SPOTS[:, 2]) * PROT / (2 * np.pi)) * sine2) / np.sum(sine2**2))


def longitudes(times: np.ndarray) -> np.ndarray:
    """Of each spot from the central meridian. [rad], (n_spots, n_times)"""
    return np.deg2rad(SPOTS[:, [3]]) + rotation_rate(SPOTS[:, [2]]) * times


def points(times: np.ndarray) -> np.ndarray:
    """Spots as StarSim 2 sees them: mu, velocity [km/s], area; (3, n_spots, n_times)."""
    colatitude, longitude = np.deg2rad(SPOTS[:, [2]]), longitudes(times)
    speed = RADIUS * KM_S * rotation_rate(SPOTS[:, [2]])
    mu = np.sin(colatitude) * np.cos(longitude)
    velocity = speed * np.sin(colatitude) * np.sin(longitude)
    return np.array([mu, velocity, np.pi * radii(times) ** 2 * (mu > 0)])


def caps(times: np.ndarray, rings: int = 3, azimuths: int = 12) -> np.ndarray:
    """Spots as pieces of equal area, each with a mu and a velocity of its own; (3, n_pieces, n_times)."""
    colatitude, longitude = np.deg2rad(SPOTS[:, [2]]), longitudes(times)
    sine, cosine, radius = np.sin(colatitude), np.cos(colatitude) + 0 * longitude, radii(times)
    found = []
    for ring in (np.arange(rings) + 0.5) / rings:
        away = np.arccos(1 - (1 - np.cos(radius)) * ring)
        for phi in 2 * np.pi * (np.arange(azimuths) + 0.5) / azimuths:
            east, north = np.sin(away) * np.cos(phi), np.sin(away) * np.sin(phi)
            out = sine * np.cos(away) - cosine * north  # from the axis, in the spot's meridian
            x = out * np.sin(longitude) + east * np.cos(longitude)
            mu = out * np.cos(longitude) - east * np.sin(longitude)
            y = cosine * np.cos(away) + sine * north
            area = 2 * np.pi * (1 - np.cos(radius)) / (rings * azimuths) * (mu > 0)
            found.append([mu, _speed(y, shear()) * x, area])
    return np.concatenate(np.array(found), axis=1)


def _speed(y, shear: float):
    """At the equator, slower towards the poles. [km/s]"""
    return RADIUS * KM_S * 2 * np.pi / PROT * (1 - shear * y**2)


def light(spots: np.ndarray, quiet: np.ndarray, spot: np.ndarray) -> np.ndarray:
    """Flux relative to the star without spots, from coefficients of I(mu) in mu."""
    mu, _, area = spots
    lost = np.polynomial.polynomial.polyval(mu, quiet - spot) * mu * area
    return 1 - np.sum(lost, axis=0) / (2 * np.pi * np.sum(quiet / np.arange(2, quiet.size + 2)))


def correlations(spots: np.ndarray, quiet: np.ndarray, spot: np.ndarray, shear: float = 0.0) -> np.ndarray:
    """Light at VELOCITIES: first of the star without spots, then at each epoch, (1 + n_times, n)."""
    value = np.polynomial.polynomial.polyval
    own, others = line(_FINE, in_spots=False), line(_FINE, in_spots=True)
    moved = value(1 - others, _SPOT_SHIFT)

    def of_star(share, angle):
        mu, y = np.sqrt(share), np.sqrt(1 - share) * np.sin(angle)
        velocity = _speed(y, shear) * np.sqrt(1 - share) * np.cos(angle)
        return value(mu, quiet) * (1 - np.interp(VELOCITIES - velocity, _FINE, own))

    shares, angles = (np.arange(40) + 0.5) / 40, 2 * np.pi * (np.arange(24) + 0.5) / 24
    star = np.mean([of_star(share, angle) for share in shares for angle in angles], axis=0)
    found = [star]
    for epoch in np.moveaxis(spots, -1, 0):
        profile = star.copy()
        for mu, velocity, area in epoch.T[epoch[2] > 0]:
            dark = value(mu, quiet) * (1 - np.interp(VELOCITIES - velocity, _FINE, own))
            left = value(mu, spot) * (1 - np.interp(VELOCITIES - velocity, _FINE + mu * moved, others))
            profile -= area * mu / np.pi * (dark - left)
        found.append(profile)
    return np.array(found)
