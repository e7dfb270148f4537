"""The map of spots that a posterior stands for, and how sure it is."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from dynamojax.files.fit_record import SpotMapPosterior
from dynamojax.plotting.style import INK, MUTED, STYLE, new_figure

_MEAN, _DEVIATION = "magma_r", "Blues"


@rc_context(STYLE)
def plot_spot_map(spot_map: SpotMapPosterior) -> Figure:
    """Darkening of the surface at the epoch, mean and standard deviation over the posterior.

    Args:
        spot_map: By longitude from the central meridian at the epoch, and latitude. What is never seen lies
            beyond the dashed line.
    """
    figure = new_figure(7.0, 2.5)
    panels = figure.subplots(1, 2, sharey=True)
    edges = -180, 180, -90, 90
    rows = ((spot_map.mean, _MEAN, "Mean darkening"), (spot_map.deviation, _DEVIATION, "Its deviation"))
    for axes, (values, colours, label) in zip(panels, rows, strict=True):
        image = axes.imshow(values, origin="lower", extent=edges, aspect="auto", cmap=colours, vmin=0.0)
        bar = figure.colorbar(image, ax=axes, pad=0.02)
        bar.set_label(f"{label} in {spot_map.band}")
        bar.minorticks_off()
        limit = spot_map.inc_deg if spot_map.inc_deg <= 90 else 180 - spot_map.inc_deg
        axes.axhline(-limit if spot_map.inc_deg <= 90 else limit, color=INK, lw=0.7, ls=(0, (5, 4)))
        axes.set_xlabel("Longitude at the epoch [deg]")
        axes.set_xticks(range(-180, 181, 90))
        axes.set_yticks(range(-90, 91, 30))
    panels[0].set_ylabel("Latitude [deg]")
    return figure


@rc_context(STYLE)
def plot_spotted_discs(spot_map: SpotMapPosterior) -> Figure:
    """The same on the disc as it turns: mean above, standard deviation below."""
    n = len(spot_map.phases)
    figure = new_figure(1.55 * n + 0.9, 3.5)
    panels = figure.subplots(2, n, squeeze=False)
    rows = (spot_map.disc_mean, _MEAN, "mean"), (spot_map.disc_deviation, _DEVIATION, "deviation")
    for row, (images, colours, label) in zip(panels, rows, strict=True):
        top = max(float(np.nanmax(images)), 1e-6)
        for axes, image, phase in zip(row, images, spot_map.phases, strict=True):
            shown = axes.imshow(
                image, origin="lower", extent=(-1, 1, -1, 1), cmap=colours, vmin=0.0, vmax=top
            )
            _frame(axes)
            if label == "mean":
                axes.set_title(f"phase {phase:.2f}", color=MUTED, pad=2)
        bar = figure.colorbar(shown, ax=list(row), fraction=0.05, shrink=0.8, pad=0.01)
        bar.set_label(f"Darkening, {label}")
        bar.minorticks_off()
    return figure


def _frame(axes: Axes) -> None:
    axes.add_patch(Circle((0, 0), 1.0, fill=False, ec=INK, lw=0.7))
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
    axes.axis("off")
