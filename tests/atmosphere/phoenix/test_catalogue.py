"""Names and ranges of the library."""

import pytest

from dynamojax.atmosphere.phoenix.catalogue import AXES, Model, model_of_name, models


@pytest.mark.parametrize(
    ("model", "path"),
    [
        # Names as other codes ask the Goettingen server for them.
        (Model(5800.0, 4.5, 0.0), "Z-0.0/lte05800-4.50-0.0.PHOENIX-ACES-AGSS-COND-SPECINT-2011.fits"),
        (Model(5800.0, 4.5, -0.0), "Z-0.0/lte05800-4.50-0.0.PHOENIX-ACES-AGSS-COND-SPECINT-2011.fits"),
        (Model(2300.0, 0.0, 0.5), "Z+0.5/lte02300-0.00+0.5.PHOENIX-ACES-AGSS-COND-SPECINT-2011.fits"),
        (Model(12000.0, 6.0, -4.0), "Z-4.0/lte12000-6.00-4.0.PHOENIX-ACES-AGSS-COND-SPECINT-2011.fits"),
        (
            Model(5000.0, 3.0, -1.0, 0.4),
            "Z-1.0.Alpha=+0.40/lte05000-3.00-1.0.Alpha=+0.40.PHOENIX-ACES-AGSS-COND-SPECINT-2011.fits",
        ),
    ],
)
def test_names(model, path):
    assert model.path == path
    assert model_of_name(model.name) == model


def test_the_axes_are_those_of_the_paper():
    # Husser et al. (2013), table 1: 47 + 26 temperatures, 13 gravities, 9 metallicities.
    assert [len(AXES[name]) for name in ("teff", "logg", "feh")] == [73, 13, 9]
    assert AXES["feh"] == (-4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1)
    assert len(models()) == 73 * 13 * 9


def test_ranges_include_their_ends():
    chosen = models((3000.0, 7000.0), (3.0, 5.0), (-1.0, 0.5))
    assert len(chosen) == 41 * 5 * 4
    assert {m.alpha for m in chosen} == {0.0}
    assert len({m.path for m in chosen}) == len(chosen)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"teff": (2000.0, 7000.0)}, r"teff = 2000 7000 K .* in \[2300, 12000\]"),
        ({"logg": (5.0, 3.0)}, r"lower first, in \[0, 6\]"),
        ({"feh": (-1.0, float("nan"))}, r"in \[-4, 1\]"),
        ({"teff": (5810.0, 5890.0)}, "nearest are 5800 and 5900"),
    ],
)
def test_a_bad_range_is_named_with_what_is_allowed(bounds, message):
    with pytest.raises(ValueError, match=message):
        models(**bounds)


def test_other_files_are_no_models():
    assert model_of_name("WAVE_PHOENIX-ACES-AGSS-COND-2011.fits") is None


@pytest.mark.parametrize("alpha", [0.3, -0.4, 1.4, float("nan")])
def test_an_enhancement_that_was_not_computed_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha = .* must be one of -0.2, 0.0, 0.2"):
        models((5000.0, 5000.0), (4.0, 4.0), (0.0, 0.0), alpha)


def test_an_enhancement_takes_the_value_that_names_have():
    (model,) = models((5000.0, 5000.0), (4.0, 4.0), (0.0, 0.0), 0.2 + 0.4)
    assert model == model_of_name(model.name) and ".Alpha=+0.60" in model.name
