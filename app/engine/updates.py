"""Looks whether there is a newer Holdfast, for users who want that; it downloads and installs nothing.

Who builds Holdfast says where its releases are, in `resources/release.json`: `page` for people, `feed` with
the newest release as GitHub tells it (docs.github.com/en/rest/releases/releases, “Get the latest release”).
A source tree has no such file, and never looks.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urljoin, urlsplit

import msgspec

from app import __version__
from app.domain.errors import AppError, ErrorCode
from app.system import paths
from app.system.files import make_folder, write_atomically

if TYPE_CHECKING:
    import httpx

    from app.system.cancellation import CancelToken

BETWEEN_LOOKS = timedelta(days=1)

OFFLINE = (
    ErrorCode.HOST_NOT_FOUND,
    ErrorCode.UNREACHABLE,
    ErrorCode.REFUSED,
    ErrorCode.TIMED_OUT,
    ErrorCode.CONNECTION_LOST,
)
"""Failures that say nothing of the feed; it is asked again soon, and nobody hears of them."""

_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})", re.ASCII)
_SECONDS = 20.0
_LONGEST_ANSWER = 1 << 20
_MOST_REDIRECTS = 3
_WHAT = "The list of releases"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """Where releases are: the page for people, and the feed."""

    page: str
    feed: str


@dataclass(frozen=True, slots=True)
class Look:
    """What the feed said last.

    Attributes:
        at: when it was asked, in UTC.
        version: of the newest release; empty where there is none. After a failure it is that of before.
        page: where it is shown.
        problem: why nothing was learnt.
    """

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    version: str = ""
    page: str = ""
    problem: str = ""

    def is_news(self, skipped: str = "") -> bool:
        """Whether it tells of a version that is newer than this one, and that the user did not skip."""
        found, own = _numbers(self.version), _numbers(__version__)
        return found is not None and own is not None and found > own and found != _numbers(skipped)


@dataclass(frozen=True, slots=True)
class _Release:
    """What is read of an answer; the rest of it does not matter."""

    tag_name: str
    html_url: str = ""
    prerelease: bool = False
    draft: bool = False


def release_source() -> Source | None:
    """Where to look; None for a Holdfast that was not published anywhere."""
    path = paths.resource("release.json")
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Source)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("%s cannot be read: %s", path.name, error)
        return None
    return found if found.page and found.feed else None


def last_look() -> Look | None:
    """What the feed said last; None where it was never asked."""
    try:
        return msgspec.json.decode(_looks_path().read_bytes(), type=Look)
    except (OSError, msgspec.MsgspecError):
        return None


def daily_look(source: Source, now: datetime, cancel: CancelToken) -> Look | None:
    """Ask the feed, unless that was done within a day, and give what it said last.

    A broken feed is noted in the log. Without a network there is nothing to tell: ask again in an hour.

    Raises:
        Cancelled: `cancel` was set.
    """
    last = last_look()
    if last is not None and timedelta() <= now - last.at < BETWEEN_LOOKS:
        return last
    try:
        return look(source, now, cancel)
    except AppError as error:
        if error.code not in OFFLINE:
            _log.info("looking for a new version: %s: %s", error.code, error.title)
        return last


def look(source: Source, now: datetime, cancel: CancelToken) -> Look:
    """Ask the feed now, and keep what it says.

    Raises:
        AppError: why nothing was learnt; SERVER_ERROR where the feed is none.
        Cancelled: `cancel` was set.
    """
    try:
        found = _asked(source, now, cancel)
    except AppError as error:
        if error.code not in OFFLINE:
            _keep(replace(last_look() or Look(now), at=now, problem=error.title))
        raise
    _keep(found)
    return found


def _asked(source: Source, now: datetime, cancel: CancelToken) -> Look:
    try:
        return _read(_answer(source.feed, cancel), source, now)
    except ValueError as error:  # an address with half a bracket, text that is no UTF-8
        raise _broken(str(error)) from error


def _answer(url: str, cancel: CancelToken, redirects: int = _MOST_REDIRECTS) -> httpx.Response:
    """What is there; a redirect is followed on the same host alone, as after a project was renamed."""
    from app.supabase.web import WebClient, call  # httpx takes long to import

    with WebClient(url) as client:
        answer = call(client, "GET", url, cancel=cancel, what=_WHAT, seconds=_SECONDS, most=_LONGEST_ANSWER)
    if not answer.has_redirect_location or not redirects:
        return answer
    target = urljoin(url, answer.headers["location"])
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise _broken("it sends us to another host")
    return _answer(target, cancel, redirects - 1)


def _read(answer: httpx.Response, source: Source, now: datetime) -> Look:
    """What an answer says; drafts, pre-releases and versions of another form are no releases."""
    if answer.status_code == 404:
        return Look(now)  # nothing was released so far
    if answer.status_code != 200:
        raise _broken(f"it answered {answer.status_code}")
    try:
        release = msgspec.json.decode(answer.content, type=_Release)
    except msgspec.MsgspecError as error:
        raise _broken(str(error)) from error
    numbers = _numbers(release.tag_name)
    if numbers is None or release.prerelease or release.draft:
        return Look(now)
    is_ours = urlsplit(release.html_url)[:2] == urlsplit(source.page)[:2]
    return Look(now, ".".join(map(str, numbers)), release.html_url if is_ours else source.page)


def _broken(reason: str) -> AppError:
    return AppError(
        ErrorCode.SERVER_ERROR,
        f"{_WHAT} cannot be read",
        detail=reason,
        hint="Look at its page in a browser.",
    )


def _numbers(version: str) -> tuple[int, ...] | None:
    match = _VERSION.fullmatch(version)
    return tuple(map(int, match.groups())) if match else None


def _keep(found: Look) -> None:
    """A full disk only means that the feed is asked again sooner."""
    path = _looks_path()
    try:
        make_folder(path.parent)
        write_atomically(path, msgspec.json.encode(found))
    except AppError as error:
        _log.info("what the list of releases says was not kept: %s", error.title)


def _looks_path() -> Path:
    return paths.data_folder() / "updates.json"
