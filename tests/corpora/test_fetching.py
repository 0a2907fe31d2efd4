"""Downloads from a real server on this machine: broken connections, ranges, changed files, refusals."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest

from medspan.corpora.getting import fetching
from medspan.corpora.getting.fetching import fetch
from medspan.errors import CorpusError

CONTENT = Random(7).randbytes(700_000)


@dataclass
class Behaviour:
    """What the server does, and what it was asked."""

    content: bytes = CONTENT
    etag: str | None = '"v1"'
    knows_ranges: bool = True
    states_length: bool = True
    drop_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    shift: int = 0
    redirect: str | None = None
    asked: list[str | None] = field(default_factory=list)


@dataclass
class Server:
    url: str
    does: Behaviour


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    does = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            does.asked.append(asked)
            if does.redirect:
                self.send_response(302)
                self.send_header("Location", does.redirect)
                self.end_headers()
                return
            if does.statuses and (status := does.statuses.pop(0)) != 200:
                self.send_response(status)
                self.end_headers()
                return
            start, status = 0, 200
            condition = self.headers.get("If-Range")
            if asked and does.knows_ranges and (condition is None or condition == does.etag):
                start, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
            if start >= len(does.content) and status == 206:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(does.content)}")
                self.end_headers()
                return
            body = does.content[start:]
            self.send_response(status)
            if does.etag:
                self.send_header("ETag", does.etag)
            if does.states_length:
                self.send_header("Content-Length", str(len(body)))
            if status == 206:
                first = start + does.shift
                self.send_header("Content-Range", f"bytes {first}-{len(does.content) - 1}/{len(does.content)}")
            self.end_headers()
            n = does.drop_after.pop(0) if does.drop_after else len(body)
            self.wfile.write(body[:n])

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(fetching, "PAUSE_SECONDS", 0)
    yield Server(f"http://127.0.0.1:{served.server_port}/corpus.tar.gz", does)
    served.shutdown()
    served.server_close()
    thread.join()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_connection_that_drops_again_and_again_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.does.drop_after = [100_000, 1, 250_000]
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert server.does.asked == [None, "bytes=100000-", "bytes=100001-", "bytes=350001-"]
    assert left(tmp_path) == ["part"]


def test_what_one_run_brought_is_where_the_next_begins(server: Server, tmp_path: Path) -> None:
    server.does.drop_after = [300_000]
    server.does.statuses = [200, *[503] * 10]
    with pytest.raises(CorpusError, match=r"300,000 bytes are here.*goes on from there"):
        fetch(server.url, tmp_path / "part")
    server.does.statuses, server.does.asked = [], []
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert server.does.asked == ["bytes=300000-"]


@pytest.mark.parametrize("etag", ['"v1"', None, 'W/"weak"'])
def test_a_server_without_ranges_gives_all_of_it_again(server: Server, tmp_path: Path, etag: str | None) -> None:
    server.does.etag = etag
    server.does.knows_ranges = False
    server.does.drop_after = [300_000]
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(server: Server, tmp_path: Path) -> None:
    server.does.drop_after = [300_000]
    server.does.statuses = [200, *[500] * 10]
    with pytest.raises(CorpusError):
        fetch(server.url, tmp_path / "part")
    server.does.statuses, server.does.etag, server.does.content = [], '"v2"', CONTENT[::-1]
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT[::-1]


def test_leftovers_of_another_address_are_not_taken_up(server: Server, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"something else")
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert server.does.asked == [None]


def test_a_part_that_is_whole_already_is_recognized(server: Server, tmp_path: Path) -> None:
    server.does.states_length = False
    server.does.drop_after = [len(CONTENT)]
    fetch(server.url, tmp_path / "part")
    (tmp_path / "part.from").write_text(f'{{"url": "{server.url}", "version": "\\"v1\\""}}', encoding="utf-8")
    fetch(server.url, tmp_path / "part")
    assert server.does.asked == [None, f"bytes={len(CONTENT)}-"]
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_leftovers_longer_than_the_file_are_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(CONTENT + b"more")
    (tmp_path / "part.from").write_text(f'{{"url": "{server.url}", "version": ""}}', encoding="utf-8")
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_another_part_than_the_one_asked_for_is_refused(server: Server, tmp_path: Path) -> None:
    server.does.drop_after = [300_000]
    server.does.shift = 5
    with pytest.raises(CorpusError, match="another part of the file"):
        fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT[:300_000]


def test_a_server_in_trouble_is_asked_again_and_a_missing_file_is_not(server: Server, tmp_path: Path) -> None:
    server.does.statuses = [503, 429, 200]
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    server.does.statuses, server.does.asked = [404], []
    with pytest.raises(CorpusError, match=r"answers 404.*--mirror"):
        fetch(server.url, tmp_path / "other")
    assert len(server.does.asked) == 1


def test_nothing_but_failures_ends_after_some_attempts(server: Server, tmp_path: Path) -> None:
    server.does.statuses = [503] * 50
    with pytest.raises(CorpusError, match=r"answers 503\); on a machine without network use --mirror"):
        fetch(server.url, tmp_path / "part")
    assert len(server.does.asked) == fetching.ATTEMPTS


def test_more_than_the_limit_is_refused(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SIZE_LIMIT", 100_000)
    with pytest.raises(CorpusError, match="limit of 100,000 bytes"):
        fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").stat().st_size <= 100_000


def test_a_redirect_to_a_plain_address_is_refused_before_it_is_followed(server: Server, tmp_path: Path) -> None:
    server.does.redirect = "http://example.org/corpus.tar.gz"
    with pytest.raises(CorpusError, match=r"example.org/corpus.tar.gz is not an https address"):
        fetch(server.url, tmp_path / "part")
    assert left(tmp_path) == []


def test_no_server_at_all_is_told_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE_SECONDS", 0)
    with pytest.raises(CorpusError, match="cannot be fetched"):
        fetch("http://127.0.0.1:9/corpus.zip", tmp_path / "part")


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "file:///etc/hostname", "ftp://example.org/x", "http://127.0.0.1.example.org/", "x"]
)
def test_only_https_is_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="not an https address"):
        fetch(url, tmp_path / "part")
