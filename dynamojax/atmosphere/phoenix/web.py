"""Asking a server: one request, and what its answer means."""

import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

_HOLES = (404, 410)
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Remote:
    """What a server says of a file; what it does not say is None."""

    length: int | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def validator(self) -> str | None:
        """What tells this content from another; a weak ETag does not."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class Hole(Exception):
    """The file exists at none of the addresses."""


class Failure(Exception):
    """The file may exist, but could not be had."""


class Unreachable(Failure):
    """No server that works answered."""


class Retry(Exception):
    """Worth another attempt, after `wait` seconds if the server named them."""

    def __init__(self, message: str, wait: float | None = None):
        super().__init__(message)
        self.wait = wait


class Stale(Retry):
    """Worth another attempt from the beginning."""


def ask(url: str, timeout: float) -> Remote:
    """What a server says of a file, without fetching it.

    Raises:
        Hole: it says that there is none.
        Unreachable: no answer, or an error that may pass.
        Failure: it does not say.
    """
    try:
        with request(url, {}, timeout, "HEAD") as response:
            return remote(response)
    except Retry as error:
        raise Unreachable(str(error)) from None


def request(url: str, headers: dict[str, str], timeout: float, method: str) -> http.client.HTTPResponse:
    """An open response of status 200 or 206.

    Raises:
        Hole: no such file.
        Retry: a failure that may pass.
        Failure: one that will not.
    """
    about = {"User-Agent": f"dynamojax/{version('dynamojax')}", "Accept-Encoding": "identity"}
    asked = urllib.request.Request(url, headers=about | headers, method=method)
    try:
        return urllib.request.urlopen(asked, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise _of_status(error) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise Failure(f"its certificate is not trusted ({error.reason})") from None
        raise Retry(f"no connection ({error.reason})") from None
    except (OSError, http.client.HTTPException) as error:
        raise Retry(f"no answer ({type(error).__name__}: {error})") from None


def _of_status(error: urllib.error.HTTPError) -> Exception:
    if error.code in _HOLES:
        return Hole()
    if error.code in _TEMPORARY:
        return Retry(f"HTTP {error.code}", _retry_after(error.headers.get("Retry-After")))
    if error.code == 416:
        return Stale("HTTP 416: the file is shorter than what has arrived")
    return Failure(f"HTTP {error.code} {error.reason}")


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110, 10.2.3); None if there is none."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def remote(response: http.client.HTTPResponse) -> Remote:
    """What the headers of an answer say of the file."""
    length = response.headers.get("Content-Length", "")
    found = response.headers.get("ETag"), response.headers.get("Last-Modified")
    return Remote(int(length) if length.isdigit() else None, *found)


def continues(response: http.client.HTTPResponse, have: int, known: Remote) -> bool:
    """Whether a partial answer begins where the part ends and belongs to the same file."""
    headers = response.headers
    same = all(
        said is None or said == before
        for said, before in (
            (headers.get("ETag"), known.etag),
            (headers.get("Last-Modified"), known.modified),
        )
    )
    span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    return same and span.startswith(f"{have}-") and total in (str(known.length), "*")
