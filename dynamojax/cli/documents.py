"""Commands that print configurations."""

from pathlib import Path
from typing import Annotated

import typer

from dynamojax.cli.console import Debug, clear_errors
from dynamojax.config import documents, starsim


def config(
    markdown: Annotated[bool, typer.Option("--markdown", help="As tables for documentation.")] = False,
    data_set: Annotated[
        bool, typer.Option("--data-set", help="For generate, whose stars are drawn.")
    ] = False,
    fit: Annotated[bool, typer.Option("--fit", help="For fit, with data and free parameters.")] = False,
) -> None:
    """Print a configuration with every key, its meaning, unit, range and default."""
    sections = documents.OF_DATA_SETS if data_set else documents.OF_FITS if fit else documents.SECTIONS
    print(documents.markdown(sections) if markdown else documents.template(sections), end="")


def translate(
    path: Annotated[Path, typer.Argument(metavar="STAR_CONF", help="A star.conf of the original.")],
    days: Annotated[float, typer.Option(help="Time span, which star.conf does not hold.")] = 30.0,
    debug: Debug = False,
) -> None:
    """Print a star.conf of the original as TOML, with a list of what differs."""
    with clear_errors(debug):
        settings, notes = starsim.translate(path, days)
        header = "\n".join([f"Translated from {path.name}. What differs:", *(f"- {note}" for note in notes)])
        print(documents.to_toml(settings.values, header), end="")
