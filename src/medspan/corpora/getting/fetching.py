"""Files from public addresses: taken up where a broken connection left them, and never larger than a limit."""

import json
import re
import time
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from medspan.errors import CorpusError

__all__ = ["fetch"]

TIMEOUT_SECONDS = 60
SIZE_LIMIT = 4 * 2**30
# Attempts in a row that bring nothing before giving up; what came before stays for the next run.
ATTEMPTS = 4
PAUSE_SECONDS = 1.0
_BLOCK = 1 << 16
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_HERE = ("127.0.0.1", "localhost", "::1")
# The server is at its limits or in trouble, which may pass.
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a server to https addresses only."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        _refuse_plain(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, partial: Path) -> None:
    """Fetch `url` into `partial`, going on with what is there already if it came from the same version of the file.

    A note beside it (`NAME.from`) says which version that is. Raises CorpusError when the address is not https, cannot
    be reached, or breaks off `ATTEMPTS` times in a row without bringing anything; the partial file stays then.
    """
    _refuse_plain(url)
    partial.parent.mkdir(parents=True, exist_ok=True)
    fruitless = 0
    while True:
        before = _size(partial)
        try:
            if _once(url, partial):
                _note(partial).unlink(missing_ok=True)
                return
            reason = "the connection broke off"
        except HTTPError as error:
            if error.code not in _PASSING:
                raise CorpusError(
                    f"{url} cannot be fetched: the server answers {error.code} {error.reason}; on a machine without "
                    "network use --mirror FOLDER"
                ) from error
            reason = f"the server answers {error.code}"
        except (URLError, HTTPException, OSError) as error:
            reason = str(error) or type(error).__name__
        fruitless = 0 if _size(partial) > before else fruitless + 1
        if fruitless >= ATTEMPTS:
            have = _size(partial)
            kept = f"; {have:,} bytes are here, and the same command goes on from there" if have else ""
            raise CorpusError(
                f"{url} cannot be fetched ({reason}){kept}; on a machine without network use --mirror FOLDER"
            )
        time.sleep(PAUSE_SECONDS * 2**fruitless)


def _once(url: str, partial: Path) -> bool:
    """Ask once, for what is missing; returns whether the file is whole now."""
    headers = {"User-Agent": "medspan", "Accept-Encoding": "identity"}
    have, version = _size(partial), _version(partial, url)
    if have and version is None:
        partial.unlink()
        have = 0
    if have:
        headers["Range"] = f"bytes={have}-"
        if version:
            headers["If-Range"] = version
    try:
        opener = build_opener(_SafeRedirects)
        with cast(HTTPResponse, opener.open(Request(url, headers=headers), timeout=TIMEOUT_SECONDS)) as response:
            whole = _expected(response, have)
            start = have
            if response.status != 206:
                # The server gives all of it: it knows no ranges, or has another version now.
                start, whole = 0, _length(response)
                _note(partial).write_text(
                    json.dumps({"url": url, "version": _strong(response.headers.get("ETag"))}), encoding="utf-8"
                )
            return _copy(response, partial, start, whole, url)
    except HTTPError as error:
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return True
        partial.unlink()
        return False


def _copy(response: HTTPResponse, partial: Path, start: int, whole: int | None, url: str) -> bool:
    at = start
    with partial.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        while block := response.read(_BLOCK):
            at += len(block)
            if at > SIZE_LIMIT:
                raise CorpusError(f"{url} serves more than the limit of {SIZE_LIMIT:,} bytes")
            stream.write(block)
    return whole is None or at == whole


def _expected(response: HTTPResponse, have: int) -> int | None:
    """The size of the whole file by a partial answer; raises HTTPException where it is not the part asked for."""
    if response.status != 206:
        return None
    found = _RANGE.fullmatch(response.headers.get("Content-Range") or "")
    if found is None or int(found[1]) != have:
        raise HTTPException("the server sends another part of the file than the one asked for")
    return int(found[2]) + 1 if found[3] == "*" else int(found[3])


def _length(response: HTTPResponse) -> int | None:
    given = response.headers.get("Content-Length") or ""
    return int(given) if given.isdigit() else None


def _strong(etag: str | None) -> str:
    """Return an entity tag that promises equal bytes, or nothing."""
    return etag if etag and not etag.startswith("W/") else ""


def _note(partial: Path) -> Path:
    return partial.with_name(partial.name + ".from")


def _version(partial: Path, url: str) -> str | None:
    """What the note beside a partial file says of its version; None where it is of another address or unknown."""
    try:
        said = json.loads(_note(partial).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, Mapping) or said.get("url") != url:
        return None
    return str(said.get("version") or "")


def _size(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0


def _refuse_plain(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise CorpusError(f"{url} is not an https address")
