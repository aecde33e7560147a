"""Puts into words how everything stands: for the line above every page, the tray and notifications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from PySide6.QtCore import QCoreApplication, QLocale

from app.domain.health import Cause, Health, State
from app.domain.health_line import Act, HealthLine, Topic
from app.domain.history import Result
from app.domain.reminders import Channel
from app.ui import formats
from app.ui.engine_words import translated
from app.ui.error_words import cause_in_language
from app.ui.plurals import Plurals

translate = QCoreApplication.translate
health = Plurals("health")

_NAMED = 3
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

_TONES = {
    Topic.FOLDER_MISSING: "bad",
    Topic.OVERDUE: "warn",
    Topic.FAILED: "bad",
    Topic.PROOF_FAILED: "bad",
    Topic.ROTTED: "bad",
    Topic.NEVER_BACKED_UP: "warn",
    Topic.REMINDERS_SILENT: "warn",
    Topic.NEVER_PROVEN: "warn",
    Topic.PROOF_OLD: "warn",
    Topic.GOOD: "good",
}


@dataclass(frozen=True, slots=True)
class HealthWords:
    """What is said of how everything stands.

    Attributes:
        tone: good, info, warn or bad, as `widgets.health_line.HealthLine` has them.
        status: a few words without a full stop, for the tray.
        sentence: all of it.
        action: words of the link that helps; empty where nothing does.
    """

    tone: str
    status: str
    sentence: str
    action: str


def health_words(
    line: HealthLine, now: datetime, zone: tzinfo | None = None, paused_until: datetime | None = None
) -> HealthWords:
    """Put the health line into words.

    Args:
        line: what is most urgent.
        now: in UTC.
        zone: of the clock on the wall; the system's own where none is given.
        paused_until: of all schedules, in UTC.
    """
    if line.topic is Topic.PAUSED and paused_until is not None and paused_until > now:
        status = translate("health", "All schedules are paused until %1")
        status, rest = status.replace("%1", _near(paused_until, now, zone)), ""
    else:
        status, rest = _status(line), _rest(line, now)
    sentence = f"{status}: {rest}" if rest else f"{status}."
    return HealthWords(_TONES.get(line.topic, "info"), status, sentence, _action(line.act))


def ago(when: datetime, now: datetime) -> str:
    """How long something is past, in its largest unit: “3 days ago”."""
    seconds = (now - when).total_seconds()
    if seconds < _MINUTE:
        return translate("health", "just now")
    if seconds < _HOUR:
        return health.tr("%n minute(s) ago", "", int(seconds // _MINUTE))
    if seconds < _DAY:
        return health.tr("%n hour(s) ago", "", int(seconds // _HOUR))
    return health.tr("%n day(s) ago", "", int(seconds // _DAY))


def failure(cause: Cause) -> str:
    """Why the last attempt was not good, as a sentence."""
    if cause.result is Result.INTERRUPTED:
        return translate("health", "It was interrupted.")
    title = cause_in_language(cause).title
    return formats.sentences(title or translate("health", "The reason is not known"))


def times(healths: Iterable[Health], now: datetime, zone: tzinfo | None = None) -> str:
    """When the last good backup of all projects was, and when the next one is due."""
    healths = tuple(healths)
    last = max((one.last_good.started for one in healths if one.last_good), default=None)
    following = min((one.next_at for one in healths if one.next_at), default=None)
    if last and following:
        text = translate("health", "last good backup %1, next %2")
    elif last:
        text = translate("health", "last good backup %1")
    elif following:
        text = translate("health", "no good backup yet, next %2")
    else:
        text = translate("health", "no good backup yet")
    text = text.replace("%1", _near(last, now, zone) if last else "")
    return text.replace("%2", _near(following, now, zone) if following else "")


def project_state(health: Health) -> str:
    """How a project stands, in one word for a menu."""
    if health.is_running:
        return translate("health", "running")
    if health.state is State.ATTENTION:
        old = translate("health", "proof is old")
        return old if health.last_proven else translate("health", "not proven")
    return {
        State.OVERDUE: translate("health", "overdue"),
        State.FAILED: translate("health", "failed"),
        State.NEVER: translate("health", "no backup yet"),
        State.WAITING: translate("health", "waiting"),
        State.PAUSED: translate("health", "paused"),
        State.GOOD: translate("health", "proven"),
    }[health.state]


def _status(line: HealthLine) -> str:
    number = len(line.projects)
    if len(line.silent) == 1:
        return {
            Channel.EMAIL: translate("health", "Reminders by e-mail do not get through"),
            Channel.COMMAND: translate("health", "Reminders by command do not get through"),
            Channel.WEBHOOK: translate("health", "Reminders by webhook do not get through"),
            Channel.DEAD_MAN: translate("health", "The dead-man URL cannot be reached"),
        }[line.silent[0].channel]
    if not number:
        return {
            Topic.FOLDER_MISSING: translate("health", "The backup folder is not connected"),
            Topic.NO_PROJECTS: translate("health", "There is no project yet"),
            Topic.REMINDERS_SILENT: translate("health", "Reminders do not get through"),
        }.get(line.topic, translate("health", "Everything is backed up and proven"))
    if number > 1:
        return _of_several(line.topic, number)
    is_interrupted = line.cause is not None and line.cause.result is Result.INTERRUPTED
    one = {
        Topic.OVERDUE: translate("health", "%1 is overdue"),
        Topic.FAILED: translate("health", "The last backup of %1 was interrupted")
        if is_interrupted
        else translate("health", "The last backup of %1 failed"),
        Topic.PROOF_FAILED: translate("health", "The last backup of %1 is not good"),
        Topic.ROTTED: translate("health", "An old backup of %1 is damaged"),
        Topic.NEVER_BACKED_UP: translate("health", "%1 has never been backed up"),
        Topic.NEVER_PROVEN: translate("health", "%1 has never been proven"),
        Topic.PROOF_OLD: translate("health", "The last proof of %1 is long ago"),
        Topic.WAITING: translate("health", "%1 waits"),
        Topic.RUNNING: translate("health", "%1 is being backed up"),
        Topic.PAUSED: translate("health", "The schedules of %1 are off"),
    }[line.topic]
    return one.replace("%1", line.projects[0])


def _of_several(topic: Topic, number: int) -> str:
    return {
        Topic.OVERDUE: health.tr("%n project(s) are overdue", "", number),
        Topic.FAILED: health.tr("The last backups of %n project(s) failed", "", number),
        Topic.PROOF_FAILED: health.tr("The last backups of %n project(s) are not good", "", number),
        Topic.ROTTED: health.tr("Old backups of %n project(s) are damaged", "", number),
        Topic.NEVER_BACKED_UP: health.tr("%n project(s) have never been backed up", "", number),
        Topic.NEVER_PROVEN: health.tr("%n project(s) have never been proven", "", number),
        Topic.PROOF_OLD: health.tr("The last proofs of %n project(s) are long ago", "", number),
        Topic.WAITING: health.tr("%n project(s) wait", "", number),
        Topic.RUNNING: health.tr("%n project(s) are being backed up", "", number),
        Topic.PAUSED: health.tr("The schedules of %n project(s) are off", "", number),
    }[topic]


def _rest(line: HealthLine, now: datetime) -> str:
    """What follows after the colon: the facts of one project, or the names of several."""
    if len(line.projects) > 1:
        return f"{_listed(line.projects)}."
    match line.topic:
        case Topic.OVERDUE if line.last_good is not None:
            return translate("health", "last good backup %1.").replace("%1", ago(line.last_good, now))
        case Topic.OVERDUE:
            return translate("health", "there is no good backup.")
        case Topic.FAILED if line.cause and line.cause.result is not Result.INTERRUPTED and line.cause.title:
            return failure(line.cause)
        case Topic.PROOF_FAILED | Topic.ROTTED if line.cause and line.cause.title:
            return failure(line.cause)
        case Topic.REMINDERS_SILENT if line.silent:
            return formats.sentences(translated(line.silent[0].problem.partition(". ")[0]))
        case Topic.WAITING if line.waiting:
            from app.ui.schedule_words import waits_for  # few starts need it

            return translate("health", "it needs %1.").replace("%1", waits_for(line.waiting))
        case _:
            return ""


def _action(act: Act) -> str:
    return {
        Act.CONNECT_FOLDER: translate("health", "Change Folder…"),
        Act.BACK_UP: translate("health", "Back Up Now"),
        Act.PROVE: translate("health", "Prove Now"),
        Act.SHOW_CAUSE: translate("health", "Show Details"),
        Act.RESUME: translate("health", "Resume"),
        Act.ADD_PROJECT: translate("health", "Add Project…"),
        Act.SHOW_REMINDERS: translate("health", "Show Reminders"),
        Act.NOTHING: "",
    }[act]


def _listed(names: Sequence[str]) -> str:
    """The first few by name, the others by number."""
    if len(names) <= _NAMED:
        return QLocale().createSeparatedList(list(names))
    others = health.tr("%n more", "", len(names) - _NAMED + 1)
    return QLocale().createSeparatedList([*names[: _NAMED - 1], others])


def _near(when: datetime, now: datetime, zone: tzinfo | None) -> str:
    """A time inside of a sentence; the clock alone where it is today."""
    apart = (when.astimezone(zone).date() - now.astimezone(zone).date()).days
    texts = {-1: translate("health", "yesterday %1"), 0: "%1", 1: translate("health", "tomorrow %1")}
    if apart not in texts:
        return formats.moment(when, now, zone)
    return texts[apart].replace("%1", formats.clock(when, zone))
