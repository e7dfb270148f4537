"""Velocities from correlation beside closed forms, cells and peers: where they agree and where they part.

python -m benchmarks.bench_velocity_shapes --dtype float64
"""

import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from benchmarks import harness
from benchmarks import velocity_scenes as scenes
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.surface.convection import Convection
from dynamojax.surface.moments import SurfaceConfig


def region_rows(grid) -> list[dict]:
    """Spots and plages of 1 %: chain against cells and closed form, peak to peak in m/s."""
    rows = []
    for kind, inhibited, prot in [
        (k, i, p) for p in (25.05, 6.3) for k, i in (("spot", False), ("spot", True), ("plage", True))
    ]:
        region = scenes.Region(kind, inhibited=inhibited, prot=prot)
        times = region.times(17)
        found, exact = scenes.ours(region, grid, times), scenes.shapes_of(scenes.cells(region, times))
        series = region.closed_form(times)
        closed = np.asarray(series.rotation[0] + series.convection[0], float)
        facts = {
            "task": "one active region of 1 %",
            "system": "dynamojax",
            "region": kind,
            "vsini": region.vsini,
        }
        facts["convection_inhibited"] = inhibited
        for name in ("velocity", "fwhm", "span"):
            change, truth = (q[name] - q[name][0] for q in (found, exact))
            facts[f"{name}_m_s"] = 1e3 * float(np.ptp(change))
            facts[f"{name}_cells_m_s"] = 1e3 * float(np.ptp(truth))
            facts[f"{name}_error_m_s"] = 1e3 * float(np.max(np.abs(change - truth)))
        departure = found["velocity"] - found["velocity"][0] - (closed - closed[0])
        facts["closed_form_m_s"] = 1e3 * float(np.ptp(closed))
        facts["departure_of_closed_form_m_s"] = 1e3 * float(np.max(np.abs(departure)))
        rows.append(facts)
        print(facts, flush=True)
    return rows


def transit_rows(grid) -> list[dict]:
    """Rossiter-McLaughlin at three obliquities: largest differences in m/s."""
    rows, times = [], scenes.transit_times()
    for obliquity in (0.0, 40.0, 90.0):
        closed = scenes.by_closed_form(obliquity, times)
        others = {"spectra": lambda o: scenes.by_spectra(o, times, grid)}
        others["starry in jaxoplanet"] = lambda o: scenes.by_starry(o, times)
        if harness.version("ellc"):
            others["ellc"] = lambda o: scenes.by_ellc(o, times)
        for name, function in others.items():
            difference = float(np.max(np.abs(function(obliquity) - closed)))
            facts = {"task": "Rossiter-McLaughlin", "system": name, "obliquity_deg": obliquity}
            facts |= {
                "amplitude_m_s": 1e3 * float(np.max(np.abs(closed))),
                "difference_m_s": 1e3 * difference,
            }
            rows.append(facts)
            print(facts, flush=True)
    return rows


# Instrument, mask, band of the closed form, velocities [km/s].
SURVEYS = (
    ("lamost", "HARPS_G2", "johnson_v", np.arange(-900, 901, 20.0), (4500, 6800)),
    ("apogee", "NIRPS_G2", "2mass_h", np.arange(-60, 60.1, 2.0), (15200, 16900)),
)


def survey_rows() -> list[dict]:
    """A spot of 8 deg on the Sun, spectra of the embedded grid, mask; beside the band."""
    rows = []
    for name, mask, band, velocities, span in SURVEYS:
        for prot in (25.05, 5.0):
            for inhibition in (0.0, 1.0):
                times = prot * np.linspace(-0.3, 0.3, 9)
                spectrograph = getattr(dj, name)(times).within(*span)
                photometer = dj.Photometer("closed", (band,), times)
                simulate = dj.Simulator(
                    dj.load_grid(),
                    spectrographs=[spectrograph],
                    velocimeters=[photometer],
                    surface=SurfaceConfig(law="constant"),
                    disc=DiscConfig(n_disc=(48, 16), n_cap=(6, 16), max_velocity=40.0),
                    convection=Convection.solar(spot_inhibition=inhibition),
                )
                star = dj.Star.from_degrees(prot=prot, shear=0.0, spot_contrast=1200.0)
                system = dj.System(star, dj.SpotMap.from_degrees(0.0, 0.0, 8.0), dj.Planets.empty())
                observed = simulate(system)
                correlate = dj.correlator(spectrograph, dj.line_mask(mask), velocities)
                profiles = jax.vmap(correlate)(observed.spectra[name].flux)
                shapes = jax.vmap(dj.line_shape)(profiles.velocity, profiles.total)
                closed = np.asarray(observed.velocities[photometer.name].total[0], float)
                measured = np.asarray(shapes.velocity, float)
                departure = (measured - measured[0]) - (closed - closed[0])
                facts = {"task": "survey", "system": name, "mask": mask, "prot": prot}
                facts |= {"spot_inhibition": inhibition, "valid": bool(jnp.all(shapes.valid))}
                facts |= {"correlation_m_s": 1e3 * float(np.ptp(measured))}
                facts |= {"closed_form_m_s": 1e3 * float(np.ptp(closed))}
                facts |= {"departure_m_s": 1e3 * float(np.max(np.abs(departure)))}
                rows.append(facts)
                print(facts, flush=True)
    return rows


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    options = harness.arguments(__doc__).parse_args(argv)
    with harness.precision(options.dtype), tempfile.TemporaryDirectory() as folder:
        grid = dj.open_grid(scenes.write_grid(Path(folder) / "lines.h5"))
        rows = region_rows(grid) + transit_rows(grid) + survey_rows()
    print("written:", harness.write_results(options.name or f"velocity_shapes_{options.dtype}", rows))


if __name__ == "__main__":
    main()
