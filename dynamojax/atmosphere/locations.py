"""Where grids and the files they are made of lie, and where they come from.

For each value: what the caller gives, else the environment, else the user's configuration, else a default.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path, user_config_path

from dynamojax.atmosphere.phoenix.catalogue import LIBRARY

# The library's home, and the computing centre's mirror of its FTP server, as other codes use them
# (ExoTiC-LD, LDTK, EXOTIC).
HOME = f"https://phoenix.astro.physik.uni-goettingen.de/data/SpecIntFITS/{LIBRARY}"
MIRROR = f"https://ftp.gwdg.de/pub/misc/phoenix/SpecIntFITS/{LIBRARY}"
VARIABLES = {"cache": "DYNAMOJAX_CACHE", "url": "DYNAMOJAX_PHOENIX_URL", "mirror": "DYNAMOJAX_PHOENIX_MIRROR"}


@dataclass(frozen=True)
class Locations:
    """Folders and addresses.

    Attributes:
        cache: Folder of everything.
        url: Folder of the library on the web, which holds Z-0.0 and its like.
        mirror: The same elsewhere, asked when the first fails; empty for none.
    """

    cache: Path
    url: str
    mirror: str

    @property
    def phoenix(self) -> Path:
        """Folder of the downloaded PHOENIX files."""
        return self.cache / "phoenix" / LIBRARY

    @property
    def grids(self) -> Path:
        """Folder of the grids that were built."""
        return self.cache / "grids"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Address and mirror, without a slash at the end."""
        return tuple(a.rstrip("/") for a in (self.url, self.mirror) if a)

    def grid(self, name: str) -> Path:
        """Where the grid of this name is kept."""
        return self.grids / f"{name}.h5"


def configuration_file() -> Path:
    """The user's own settings, a TOML file with a table [grids]; it need not exist."""
    named = os.environ.get("DYNAMOJAX_CONFIG")
    return Path(named) if named else user_config_path("dynamojax") / "config.toml"


def locations(
    cache: str | Path | None = None, url: str | None = None, mirror: str | None = None
) -> Locations:
    """Folders and addresses as configured.

    Args:
        cache: Overrides DYNAMOJAX_CACHE, [grids] cache and the platform's folder of caches.
        url: Overrides DYNAMOJAX_PHOENIX_URL, [grids] phoenix_url and `HOME`.
        mirror: Overrides DYNAMOJAX_PHOENIX_MIRROR, [grids] phoenix_mirror and `MIRROR`.

    Raises:
        ValueError: an address that is not of HTTP, or a configuration that cannot be read.
    """
    settings = _settings()
    given = {"cache": cache, "url": url, "mirror": mirror}
    keys = {"cache": "cache", "url": "phoenix_url", "mirror": "phoenix_mirror"}
    default = {"cache": user_cache_path("dynamojax"), "url": HOME, "mirror": MIRROR}
    # A mirror of another collection than the one named would be no mirror.
    if any((url, os.environ.get(VARIABLES["url"]), settings.get("phoenix_url"))):
        default["mirror"] = ""
    found = {}
    for name, value in given.items():
        choices = (value, os.environ.get(VARIABLES[name]), settings.get(keys[name]), default[name])
        found[name] = next(choice for choice in choices if choice is not None)
    for name in ("url", "mirror"):
        _check_address(name, found[name])
    return Locations(Path(found["cache"]).expanduser(), found["url"], found["mirror"])


def grid_path(name: str | Path, cache: str | Path | None = None) -> Path:
    """Where a grid is: a bare word is the name of one in the cache, anything else a file's name.

    Args:
        name: Of the grid or its file.
        cache: Folder of grids; the configured one if None.

    Raises:
        ValueError: no grid of this name, with the commands that make one.
    """
    path = Path(name)
    if isinstance(name, Path) or path.suffix or path.name != name or path.exists():
        return path
    places = locations(cache)
    if not places.grid(name).exists():
        there = ", ".join(sorted(p.stem for p in places.grids.glob("[!.]*.h5"))) or "none"
        raise ValueError(
            f"no grid {name!r} in {places.grids} (there: {there}); for PHOENIX, run "
            "`dynamojax grid fetch phoenix --teff 3000 7000 --logg 3 5 --feh -1 0.5` "
            "and `dynamojax grid build phoenix`"
        )
    return places.grid(name)


def _check_address(name: str, address: str) -> None:
    if not address.startswith(("http://", "https://")) and (name == "url" or address):
        raise ValueError(f"{name} = {address!r} must begin with https:// or http://")


def _settings() -> dict:
    path = configuration_file()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("grids", {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); correct or remove it") from None
    unknown = set(table) - {"cache", "phoenix_url", "phoenix_mirror"}
    if unknown:
        raise ValueError(
            f"{path}: [grids] {', '.join(sorted(unknown))} unknown; "
            "it takes cache, phoenix_url, phoenix_mirror"
        )
    return table
