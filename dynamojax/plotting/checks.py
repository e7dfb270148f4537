"""What can be drawn: one star, and a valid one."""

import numpy as np

from dynamojax.simulate import Observables


def check_one_star(observables: Observables) -> None:
    """Raise ValueError unless the observables are those of one star, and valid."""
    if np.ndim(observables.valid):
        raise ValueError(
            f"observables has shape {np.shape(observables.valid)}: one star is expected; take one"
        )
    if not bool(observables.valid):
        raise ValueError("observables.valid is False, its values are NaN; see dynamojax.validate(system)")
