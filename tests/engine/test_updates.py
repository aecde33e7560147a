"""Looking for new versions: what counts as one, how often the feed is asked, and what a broken one does."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app import __version__
from app.domain.errors import AppError, ErrorCode
from app.engine import updates
from app.engine.updates import Look, Source, daily_look, last_look, look, release_source
from app.system.cancellation import CancelToken
from tests.outside_servers import free_port

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Feed:
    """A server with the list of releases; `answers` by path as status, content and where else it is."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.answers: dict[str, tuple[int, bytes, str]] = {}
        feed = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                feed.asked.append(self.path)
                feed.agents.add(self.headers["User-Agent"])
                status, content, place = feed.answers.get(self.path, (404, b"{}", ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                if place:
                    self.send_header("Location", place)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.source = Source(f"{self.url}/releases", f"{self.url}/latest")

    def says(self, tag: str, **more: object) -> None:
        release = {"tag_name": tag, "html_url": f"{self.url}/releases/{tag}", "body": "…", **more}
        self.answers["/latest"] = (200, json.dumps(release).encode(), "")

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@pytest.fixture
def feed() -> Iterator[Feed]:
    made = Feed()
    yield made
    made.close()


def test_the_newest_release_is_told(feed: Feed) -> None:
    feed.says("v99.2.10")
    found = look(feed.source, NOW, CancelToken())
    assert found == Look(NOW, "99.2.10", f"{feed.url}/releases/v99.2.10")
    assert found.is_news()
    assert last_look() == found
    assert feed.agents == {f"Holdfast/{__version__}"}


@pytest.mark.parametrize(
    ("version", "skipped", "is_news"),
    [
        ("0.1.1", "", True),
        ("0.10.0", "", True),
        ("1.0.0", "0.9.9", True),
        ("0.1.0", "", False),
        ("0.0.99", "", False),
        ("0.2.0", "0.2.0", False),
        ("0.2.1", "0.2.0", True),
        ("", "", False),
    ],
)
def test_versions_are_compared_by_their_numbers(
    version: str, skipped: str, is_news: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "__version__", "0.1.0")
    assert Look(NOW, version).is_news(skipped) is is_news


@pytest.mark.parametrize(
    ("tag", "more"),
    [
        ("v9.0.0-rc1", {}),
        ("v9.0.0", {"prerelease": True}),
        ("v9.0.0", {"draft": True}),
        ("nightly", {}),
        ("9.0", {}),
        ("９.0.0", {}),
    ],
)
def test_what_is_no_release_is_ignored(feed: Feed, tag: str, more: dict[str, object]) -> None:
    feed.says(tag, **more)
    assert look(feed.source, NOW, CancelToken()) == Look(NOW)


def test_a_project_without_releases_is_no_failure(feed: Feed) -> None:
    assert look(feed.source, NOW, CancelToken()) == Look(NOW)


@pytest.mark.parametrize("page", ["https://elsewhere.example/x", "javascript:alert(1)", "file:///etc/passwd"])
def test_only_the_own_page_is_ever_opened(feed: Feed, page: str) -> None:
    feed.says("v9.0.0", html_url=page)
    assert look(feed.source, NOW, CancelToken()).page == feed.source.page


def test_a_renamed_project_is_found_and_another_host_is_not_followed(feed: Feed) -> None:
    feed.says("v9.0.0")
    feed.answers["/old"] = (301, b"", "/latest")
    assert look(Source(feed.source.page, f"{feed.url}/old"), NOW, CancelToken()).version == "9.0.0"
    feed.answers["/old"] = (301, b"", "http://elsewhere.example/latest")
    with pytest.raises(AppError, match="another host"):
        look(Source(feed.source.page, f"{feed.url}/old"), NOW, CancelToken())
    feed.answers["/old"] = (301, b"", "/old")
    with pytest.raises(AppError, match="it answered 301"):
        look(Source(feed.source.page, f"{feed.url}/old"), NOW, CancelToken())


def test_the_feed_is_asked_once_a_day(feed: Feed) -> None:
    feed.says("v9.0.0")
    for hours in (0, 1, 23):
        found = daily_look(feed.source, NOW + timedelta(hours=hours), CancelToken())
        assert found is not None
        assert found.version == "9.0.0"
    assert len(feed.asked) == 1
    daily_look(feed.source, NOW + timedelta(hours=24), CancelToken())
    assert len(feed.asked) == 2
    daily_look(feed.source, NOW - timedelta(days=30), CancelToken())  # the clock was set back
    assert len(feed.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>", ""),
        (200, b"[]", ""),
        (200, b'{"tag_name": "\xff"}', ""),
        (200, b'{"tag_name": "v9.0.0", "html_url": "https://["}', ""),
        (302, b"", "https://["),
        (302, b"", "/\xe9"),
        (500, b"", ""),
        (403, b"{}", ""),
    ],
)
def test_a_broken_feed_is_a_line_in_the_log_once_a_day(
    feed: Feed, answer: tuple[int, bytes, str], caplog: pytest.LogCaptureFixture
) -> None:
    feed.answers["/latest"] = answer
    with caplog.at_level(logging.INFO, "app"):
        assert daily_look(feed.source, NOW, CancelToken()) is None
    assert "looking for a new version: server-error: The list of releases cannot be read" in caplog.text
    kept = last_look()
    assert kept is not None
    assert kept.problem == "The list of releases cannot be read"
    assert not kept.is_news()
    daily_look(feed.source, NOW + timedelta(hours=1), CancelToken())
    assert len(feed.asked) == 1


def test_what_was_found_before_a_feed_broke_is_still_news(feed: Feed) -> None:
    feed.says("v9.0.0")
    look(feed.source, NOW, CancelToken())
    feed.answers["/latest"] = (500, b"", "")
    with pytest.raises(AppError):
        look(feed.source, NOW + timedelta(hours=1), CancelToken())
    kept = last_look()
    assert kept is not None
    assert kept.is_news()
    assert (kept.at, bool(kept.problem)) == (NOW + timedelta(hours=1), True)


def test_offline_is_silence_and_is_tried_again(feed: Feed, caplog: pytest.LogCaptureFixture) -> None:
    gone = Source(feed.source.page, f"http://127.0.0.1:{free_port()}/latest")
    with caplog.at_level(logging.INFO, "app"):
        assert daily_look(gone, NOW, CancelToken()) is None
    assert caplog.text == ""
    assert last_look() is None
    with pytest.raises(AppError) as raised:
        look(gone, NOW, CancelToken())
    assert raised.value.code is ErrorCode.REFUSED
    feed.says("v9.0.0")
    found = daily_look(feed.source, NOW + timedelta(hours=1), CancelToken())
    assert found is not None


def test_a_source_tree_never_looks() -> None:
    assert release_source() is None


@pytest.mark.logs_warnings
def test_what_the_build_wrote_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.system.paths.resource", lambda name: tmp_path / name)
    file = tmp_path / "release.json"
    file.write_text('{"page": "https://x.example/releases", "feed": "https://api.x.example/latest"}')
    assert release_source() == Source("https://x.example/releases", "https://api.x.example/latest")
    for broken in ("", "{}", '{"page": "", "feed": ""}'):
        file.write_text(broken)
        assert release_source() is None


def test_what_was_kept_and_cannot_be_read_counts_for_nothing(home: Path) -> None:
    path = home / "data" / "holdfast" / "updates.json"
    path.parent.mkdir(parents=True)
    for broken in ("{", '{"at": "2026-11-23T12:00:00"}'):  # a time without a zone is compared with none
        path.write_text(broken)
        assert last_look() is None
