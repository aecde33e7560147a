"""What the desktop is told, in words: the one thing that is wrong with each project, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from pathlib import Path

from app.domain.due import DueState
from app.domain.health import Health, State
from app.domain.history import Entry
from app.ui import formats
from app.ui.health_words import ago, failure
from app.ui.widgets.badge import PROOF_STATUS
from app.ui.widgets.rail import Place

translate = formats.translate


class Kind(StrEnum):
    """Of what the desktop is told; the names are those of `preferences.Notifications`."""

    FAILED = "failed"
    OVERDUE = "overdue"
    FOLDER_MISSING = "folder_missing"
    PROOF_FAILED = "proof_failed"
    SUCCEEDED = "succeeded"


class Help(StrEnum):
    """What a button of a notice does."""

    BACK_UP = "back-up"
    CHANGE_FOLDER = "change-folder"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something of which the desktop is told.

    Attributes:
        key: of each there is one at a time: a project's name, or another word for what has none.
        kind: whether the user wants to hear of it.
        title, text: what is said; no passwords, for titles of errors hold none.
        mark: with another one it is told again.
        place: what a click opens.
        project: whose.
        help: what its button does; None for no button.
    """

    key: str
    kind: Kind
    title: str
    text: str
    mark: tuple[object, ...] = ()
    place: Place = Place.HISTORY
    project: str = ""
    help: Help | None = None


def standing_notices(healths: Sequence[Health], now: datetime, zone: tzinfo) -> tuple[Notice, ...]:
    """What is wrong with each project, as long as it is wrong."""
    made = []
    for health in healths:
        if health.state is State.OVERDUE:
            made.append(_overdue(health, now))
        elif health.state is State.FAILED:
            made.append(_failed(health, zone))
    return tuple(made)


def folder_notice(folder: Path) -> Notice:
    """The folder for backups cannot be reached."""
    title = translate("notifications", "The backup folder is not connected")
    return Notice(
        "\0folder",
        Kind.FOLDER_MISSING,
        title,
        str(folder),
        (folder,),
        Place.PROJECTS,
        help=Help.CHANGE_FOLDER,
    )


def success_notice(entry: Entry) -> Notice:
    """A project has a new good backup."""
    title = translate("notifications", "%1 is backed up").replace("%1", entry.project)
    text = translate("notifications", "%1 in %2").replace("%1", formats.size(entry.bytes))
    text = text.replace("%2", formats.duration(entry.seconds))
    if entry.proof_level is not None:
        text = f"{text} · {PROOF_STATUS[entry.proof_level].text}"
    return Notice(entry.project, Kind.SUCCEEDED, title, text, (entry.id,), project=entry.project)


def _overdue(health: Health, now: datetime) -> Notice:
    name, text = health.project, translate("notifications", "There is no good backup.")
    if health.last_good is not None:
        text = translate("notifications", "The last good backup was made %1.")
        text = text.replace("%1", ago(health.last_good.started, now))
    if health.cause is not None:
        text = f"{text} {failure(health.cause)}"
    title, mark = translate("notifications", "%1 is overdue").replace("%1", name), (health.overdue_since,)
    return Notice(name, Kind.OVERDUE, title, text, mark, Place.PROJECTS, name, Help.BACK_UP)


def _failed(health: Health, zone: tzinfo) -> Notice:
    """A backup that failed, or turned out not to be good.

    Attempts that follow by themselves are told of when the first has failed, and when none follows.
    """
    name, cause = health.project, health.cause
    if cause is None:
        raise ValueError(f"{name} failed without a cause")
    text = failure(cause)
    if cause.is_proof:
        mark: tuple[object, ...] = (cause.since, cause.title)
        if cause.is_old:
            title = translate("notifications", "An old backup of %1 is damaged").replace("%1", name)
            return Notice(name, Kind.PROOF_FAILED, title, text, mark, project=name)
        title = translate("notifications", "The last backup of %1 is not good").replace("%1", name)
        return Notice(name, Kind.PROOF_FAILED, title, text, mark, project=name, help=Help.BACK_UP)
    retries = [one.due.at for one in health.schedules if one.due.state is DueState.RETRYING and one.due.at]
    if retries:
        again = translate("notifications", "Next attempt at %1.")
        text = f"{text} {again.replace('%1', formats.clock(min(retries), zone))}"
    goes_on = bool(retries) or any(one.due.state is DueState.DUE for one in health.schedules)
    title = translate("notifications", "Backup of %1 failed").replace("%1", name)
    mark = (cause.since, cause.title, 0 if goes_on else cause.failures)
    return Notice(name, Kind.FAILED, title, text, mark, project=name, help=Help.BACK_UP)
