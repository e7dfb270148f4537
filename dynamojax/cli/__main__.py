"""`python -m dynamojax.cli`."""

from dynamojax.cli.app import app

app()
