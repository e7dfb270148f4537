"""From checked settings to what lies between the star and its observers: dust, and their own motion."""

import numpy as np

from dynamojax.atmosphere.extinction import Extinction
from dynamojax.config.reading import Settings
from dynamojax.instruments.barycentric import barycentric_velocity
from dynamojax.instruments.spectrograph import Spectrograph


def extinction(settings: Settings) -> Extinction:
    """Law of interstellar extinction.

    Raises:
        ValueError: R_V out of the law's range.
    """
    law, r_v = settings["extinction"]["law"], settings["extinction"]["r_v"]
    try:
        return Extinction(law, r_v)
    except ValueError as error:
        raise ValueError(f"extinction.r_v = {r_v:g}: {error}; change r_v or law") from None


def observers(
    settings: Settings, instruments: list[Spectrograph], tables: list[dict]
) -> dict[str, np.ndarray]:
    """Velocity of the observers towards the star at each epoch, of spectrographs that are given one. [km/s]

    Raises:
        ValueError: not one for each epoch.
    """
    found = {}
    for i, (table, made) in enumerate(zip(tables, instruments, strict=True)):
        given = table["barycentric_velocity"]
        if table["site"] is not None:
            epochs = settings["simulation"]["epoch_bjd"] + made.times
            found[made.name] = barycentric_velocity(epochs, table["target_deg"], table["site"])
        elif given is not None:
            if len(given) not in (1, made.times.size):
                raise ValueError(
                    f"spectrographs[{i}].barycentric_velocity has {len(given)} numbers; one for each of "
                    f"{made.times.size} epochs, or one for all, are needed"
                )
            found[made.name] = np.broadcast_to(np.asarray(given, float), made.times.shape)
    return found
