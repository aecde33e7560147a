"""The one sentence about all projects that stands above every page: what is most urgent, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.due import Waiting
from app.domain.health import Cause, Health, State
from app.domain.reminder_rules import Silence


class Topic(StrEnum):
    """What the health line speaks of, most urgent first."""

    FOLDER_MISSING = "folder-missing"
    OVERDUE = "overdue"
    FAILED = "failed"
    PROOF_FAILED = "proof-failed"
    ROTTED = "rotted"
    """An old backup turned out to be damaged; the last one is good."""
    NEVER_BACKED_UP = "never-backed-up"
    REMINDERS_SILENT = "reminders-silent"
    """Nobody can be told of anything."""
    NEVER_PROVEN = "never-proven"
    PROOF_OLD = "proof-old"
    WAITING = "waiting"
    RUNNING = "running"
    """A project that was not well is being backed up."""
    PAUSED = "paused"
    NO_PROJECTS = "no-projects"
    GOOD = "good"
    """Everything is backed up and proven."""


class Act(StrEnum):
    """What helps."""

    CONNECT_FOLDER = "connect-folder"
    BACK_UP = "back-up"
    PROVE = "prove"
    SHOW_CAUSE = "show-cause"
    RESUME = "resume"
    ADD_PROJECT = "add-project"
    SHOW_REMINDERS = "show-reminders"
    NOTHING = "nothing"


_ACTS = {
    Topic.FOLDER_MISSING: Act.CONNECT_FOLDER,
    Topic.OVERDUE: Act.BACK_UP,
    Topic.FAILED: Act.SHOW_CAUSE,
    Topic.PROOF_FAILED: Act.BACK_UP,
    Topic.ROTTED: Act.SHOW_CAUSE,
    Topic.NEVER_BACKED_UP: Act.BACK_UP,
    Topic.REMINDERS_SILENT: Act.SHOW_REMINDERS,
    Topic.NEVER_PROVEN: Act.PROVE,
    Topic.PROOF_OLD: Act.PROVE,
    Topic.WAITING: Act.NOTHING,
    Topic.RUNNING: Act.NOTHING,
    Topic.PAUSED: Act.RESUME,
    Topic.NO_PROJECTS: Act.ADD_PROJECT,
    Topic.GOOD: Act.NOTHING,
}


@dataclass(frozen=True, slots=True)
class HealthLine:
    """The one sentence above every page, as values.

    Attributes:
        topic: the most urgent that is true of any project.
        projects: whose it is, worst first; empty when it concerns all.
        act: what helps.
        last_good: of the first of these projects; None when it has none.
        cause: of the first of these projects.
        waiting: what the first of these projects waits for.
        silent: the channels of reminders over which nothing gets through.
    """

    topic: Topic
    projects: tuple[str, ...] = ()
    last_good: datetime | None = None
    cause: Cause | None = None
    waiting: tuple[Waiting, ...] = ()
    silent: tuple[Silence, ...] = ()

    @property
    def act(self) -> Act:
        """What helps."""
        return _ACTS[self.topic]


def health_line(
    projects: Sequence[Health], *, folder_present: bool, silent: Sequence[Silence] = ()
) -> HealthLine:
    """What is most urgent among all projects; one that is being backed up has its help already.

    Args:
        projects: each project's health.
        folder_present: the folder for backups can be reached.
        silent: the channels of reminders over which nothing gets through.
    """
    if not projects:
        return HealthLine(Topic.NO_PROJECTS)
    if not folder_present:
        return HealthLine(Topic.FOLDER_MISSING)
    topics = [(_topic(health), health) for health in projects]
    worst = min((topic for topic, _ in topics), key=list(Topic).index)
    order = list(Topic)
    if silent and order.index(worst) > order.index(Topic.REMINDERS_SILENT):
        return HealthLine(Topic.REMINDERS_SILENT, silent=tuple(silent))
    if worst is Topic.GOOD:
        return HealthLine(Topic.GOOD)
    concerned = [health for topic, health in topics if topic is worst]
    concerned.sort(key=lambda health: health.last_good.started.timestamp() if health.last_good else 0.0)
    first = concerned[0]
    return HealthLine(
        worst,
        tuple(health.project for health in concerned),
        first.last_good.started if first.last_good else None,
        first.cause,
        next((one.waiting for one in first.schedules if one.waiting), ()),
    )


def _topic(health: Health) -> Topic:
    if health.is_running and health.state is not State.GOOD:
        return Topic.RUNNING
    match health.state:
        case State.OVERDUE:
            return Topic.OVERDUE
        case State.FAILED:
            if health.cause is None or not health.cause.is_proof:
                return Topic.FAILED
            return Topic.ROTTED if health.cause.is_old else Topic.PROOF_FAILED
        case State.NEVER:
            return Topic.NEVER_BACKED_UP
        case State.ATTENTION:
            return Topic.PROOF_OLD if health.last_proven else Topic.NEVER_PROVEN
        case State.WAITING:
            return Topic.WAITING
        case State.PAUSED:
            return Topic.PAUSED
        case State.GOOD:
            return Topic.GOOD
