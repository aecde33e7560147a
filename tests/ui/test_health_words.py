"""The sentences about how everything stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtWidgets import QApplication

from app.domain.due import Waiting
from app.domain.health import Cause, project_health
from app.domain.health_line import Act, HealthLine, Topic
from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.ui.health_words import ago, health_words, project_state, times

pytestmark = pytest.mark.usefixtures("qapp")

NOW = datetime(2026, 11, 22, 15, 12, tzinfo=UTC)
DAYS = timedelta(days=1)
CAUSE = Cause(Result.FAILED, "sign-in-failed", "The password was refused", "", NOW, 1)
INTERRUPTED = Cause(Result.INTERRUPTED, "", "", "", NOW, 1)
PROOF = Cause(Result.SUCCEEDED, "", "Rows differ in public.orders", "", NOW, 1)
BATTERY = (Waiting.ON_BATTERY,)


@pytest.mark.parametrize(
    ("line", "tone", "sentence", "action"),
    [
        (HealthLine(Topic.GOOD), "good", "Everything is backed up and proven.", ""),
        (HealthLine(Topic.NO_PROJECTS), "info", "There is no project yet.", "Add Project…"),
        (
            HealthLine(Topic.FOLDER_MISSING),
            "bad",
            "The backup folder is not connected.",
            "Change Folder…",
        ),
        (
            HealthLine(Topic.OVERDUE, ("Shop",), NOW - 3 * DAYS),
            "warn",
            "Shop is overdue: last good backup 3 days ago.",
            "Back Up Now",
        ),
        (
            HealthLine(Topic.OVERDUE, ("Shop",)),
            "warn",
            "Shop is overdue: there is no good backup.",
            "Back Up Now",
        ),
        (
            HealthLine(Topic.FAILED, ("Shop",), None, CAUSE),
            "bad",
            "The last backup of Shop failed: The password was refused.",
            "Show Details",
        ),
        (
            HealthLine(Topic.FAILED, ("Shop",), None, INTERRUPTED),
            "bad",
            "The last backup of Shop was interrupted.",
            "Show Details",
        ),
        (
            HealthLine(Topic.PROOF_FAILED, ("Shop",), None, PROOF),
            "bad",
            "The last backup of Shop is not good: Rows differ in public.orders.",
            "Back Up Now",
        ),
        (
            HealthLine(Topic.ROTTED, ("Shop",), None, PROOF),
            "bad",
            "An old backup of Shop is damaged: Rows differ in public.orders.",
            "Show Details",
        ),
        (HealthLine(Topic.NEVER_PROVEN, ("Shop",)), "warn", "Shop has never been proven.", "Prove Now"),
        (
            HealthLine(Topic.NEVER_PROVEN, ("Shop", "Blog")),
            "warn",
            "2 projects have never been proven: Shop and Blog.",
            "Prove Now",
        ),
        (
            HealthLine(Topic.OVERDUE, ("A", "B", "C", "D", "E")),
            "warn",
            "5 projects are overdue: A, B, and 3 more.",
            "Back Up Now",
        ),
        (
            HealthLine(Topic.WAITING, ("Shop",), waiting=BATTERY),
            "info",
            "Shop waits: it needs mains power.",
            "",
        ),
        (HealthLine(Topic.RUNNING, ("Shop",)), "info", "Shop is being backed up.", ""),
        (HealthLine(Topic.PAUSED, ("Shop",)), "info", "The schedules of Shop are off.", "Resume"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_topic_has_its_sentence(line: HealthLine, tone: str, sentence: str, action: str) -> None:
    words = health_words(line, NOW, UTC)
    assert (words.tone, words.sentence, words.action) == (tone, sentence, action)
    assert words.sentence.startswith(words.status)


@pytest.mark.parametrize("topic", Topic)
@pytest.mark.parametrize("projects", [("Shop",), ("Shop", "Blog")])
def test_no_topic_is_without_words(topic: Topic, projects: tuple[str, ...]) -> None:
    if topic in (Topic.FOLDER_MISSING, Topic.NO_PROJECTS, Topic.REMINDERS_SILENT, Topic.GOOD):
        projects = ()
    line = HealthLine(topic, projects)
    words = health_words(line, NOW, UTC)
    assert words.status
    assert "%" not in words.sentence
    assert words.sentence.endswith(".")
    assert bool(words.action) is (line.act is not Act.NOTHING)


def test_a_pause_says_until_when() -> None:
    line = HealthLine(Topic.PAUSED, ("Shop", "Blog"))
    words = health_words(line, NOW, UTC, NOW + timedelta(hours=1))
    assert words.sentence == "All schedules are paused until 16:12."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (7200, "2 hours ago"),
        (86_400, "1 day ago"),
        (3 * 86_400 + 5, "3 days ago"),
    ],
)
def test_the_past_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


def entry(started: datetime, level: ProofLevel = ProofLevel.PROVEN) -> Entry:
    return Entry("x", "Shop", started, Result.SUCCEEDED, proof_level=level, path="/x")


def test_times_say_the_clock_alone_where_it_is_today() -> None:
    today = project_health("Shop", [entry(NOW - timedelta(hours=2))], [], NOW, zone=UTC)
    older = project_health("Shop", [entry(NOW - 2 * DAYS)], [], NOW, zone=UTC)
    assert times([older, today], NOW, UTC) == "last good backup 13:12"
    assert times([older], NOW, UTC) == "last good backup Fri 20 Nov 15:12"
    yesterday = project_health("Shop", [entry(NOW - DAYS)], [], NOW, zone=UTC)
    assert times([yesterday], NOW, UTC) == "last good backup yesterday 15:12"
    assert times([], NOW, UTC) == "no good backup yet"


def test_a_project_has_one_word_for_how_it_stands(qapp: QApplication) -> None:
    def word(*entries: Entry, running: bool = False) -> str:
        since = NOW if running else None
        return project_state(project_health("Shop", entries, [], NOW, zone=UTC, running_since=since))

    assert word() == "no backup yet"
    assert word(running=True) == "running"
    assert word(entry(NOW)) == "proven"
    assert word(entry(NOW, ProofLevel.COMPLETE)) == "not proven"
    assert word(entry(NOW - 60 * DAYS)) == "proof is old"
