"""The command itself."""

from importlib.metadata import version
from typing import Annotated

import typer

from dynamojax.cli import documents, fit, generate, grid_views, inspect, simulate

app = typer.Typer(
    name="dynamojax",
    help="Realistic stellar observables: light curves of spotted, rotating stars with planets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool | None) -> None:
    if wanted:
        print(f"dynamojax {version('dynamojax')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool | None,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = None,
) -> None:
    """Realistic stellar observables: light curves of spotted, rotating stars with planets."""


app.command()(simulate.simulate)
app.command()(generate.generate)
app.command()(fit.fit)
app.command()(inspect.inspect)
app.command()(documents.config)
app.command()(documents.translate)
app.add_typer(grid_views.app, name="grid")
