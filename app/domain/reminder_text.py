"""Puts reminders into words and into the facts that programs are given. Nothing of a row is among them.

What PostgreSQL said of a failure is left out, because it can quote rows; its kind and our own title of it
are not.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo

from app.domain.reminders import Occasion, Problem, Reminder

JSON_VERSION = 1

_LONGEST_SUBJECT = 160


WRONG = {
    Problem.EMPTY: "it is missing",
    Problem.NOT_A_HOST: "that is no name of a server",
    Problem.NOT_A_PORT: "ports go from 1 to 65535",
    Problem.NOT_AN_ADDRESS: "that is no e-mail address",
    Problem.NOT_A_URL: "that is no whole address beginning with https:// or http://",
    Problem.HOLDS_PASSWORD: "it holds a user or password, which would be kept in plain text",
    Problem.NEEDS_TLS: "a password or token would go over the network in the open",
}
"""What is wrong with a field: "port: ports go from 1 to 65535"."""


def trial(now: datetime) -> Reminder:
    """What a test sends."""
    return Reminder("test", Occasion.SUCCEEDED, "", now)


def subject(reminder: Reminder) -> str:
    """One line without a full stop."""
    name = _named(reminder)
    text = {
        Occasion.FAILING: f"{name}: the backup failed, and is tried again",
        Occasion.FAILED: f"{name}: the backup failed",
        Occasion.PROOF_FAILED: f"{name}: a backup is not good",
        Occasion.OVERDUE: f"{name}: a backup is overdue",
        Occasion.RECOVERED: f"{name}: there is a good backup again",
        Occasion.SUCCEEDED: f"{name}: backed up",
    }[reminder.occasion]
    if reminder.key == "test":
        text = "Reminders from Holdfast work"
    return text if len(text) <= _LONGEST_SUBJECT else f"{text[: _LONGEST_SUBJECT - 1]}…"


def body(reminder: Reminder, computer: str, zone: tzinfo | None = None) -> str:
    """Plain sentences, each on a line of its own.

    Args:
        reminder: what is told.
        computer: the name of the one that tells it.
        zone: of the times; the system's own where none is given.
    """
    if reminder.key == "test":
        lines = ["This is a test. Holdfast will tell of backups that need attention in this way."]
    else:
        lines = [*_what(reminder, zone), *_facts(reminder, zone)]
        if reminder.occasion.is_alarm:
            lines += ["", "Open Holdfast, or run “holdfast history”, to see why and what helps."]
    return "\n".join([*lines, "", f"Holdfast on {_plain(computer)}", ""])


def facts(reminder: Reminder, computer: str, now: datetime) -> dict[str, object]:
    """All of it for a program: what a webhook and a command are given, times in ISO 8601 and UTC.

    `text` is what chat services show, so that their webhooks can be given this as it is.
    """
    is_test = reminder.key == "test"
    title = subject(reminder)
    return {
        "version": JSON_VERSION,
        "event": "test" if is_test else reminder.occasion.value,
        "key": reminder.key,
        "subject": title,
        "text": f"{title}.\n{body(reminder, computer, UTC)}".rstrip(),
        "computer": _plain(computer),
        "sent_at": _iso(now),
        "project": reminder.project,
        "schedule": reminder.schedule,
        "schedule_name": reminder.schedule_name,
        "at": _iso(reminder.at),
        "slot": _iso(reminder.slot),
        "attempts": reminder.attempts,
        "next_attempt": _iso(reminder.next_attempt),
        "error_code": reminder.error_code,
        "error_title": _plain(reminder.error_title),
        "last_good": _iso(reminder.last_good),
        "backup": reminder.backup,
        "bytes": reminder.bytes,
        "proof": reminder.proof,
    }


def facts_json(found: dict[str, object]) -> bytes:
    """The facts as one object in ASCII."""
    return json.dumps(found, indent=2).encode()


def facts_environment(found: dict[str, object]) -> dict[str, str]:
    """The facts as variables: HOLDFAST_EVENT, HOLDFAST_PROJECT and so on; what is not known is empty."""
    return {
        f"HOLDFAST_{name.upper()}": "" if value is None else str(value).replace("\0", "")
        for name, value in found.items()
    }


def _what(reminder: Reminder, zone: tzinfo | None) -> list[str]:
    project, at = _named(reminder), _moment(reminder.at, zone)
    why = f" {_plain(reminder.error_title).rstrip('.')}." if reminder.error_title else ""
    match reminder.occasion:
        case Occasion.FAILING:
            lines = [f"The backup of {project} failed {at}.{why}"]
            if reminder.next_attempt is not None:
                lines.append(f"It is tried again {_moment(reminder.next_attempt, zone)}.")
            return lines
        case Occasion.FAILED:
            number = f"All {reminder.attempts} attempts" if reminder.attempts > 1 else "The only attempt"
            slot = f" that was due {_moment(reminder.slot, zone)}" if reminder.slot else ""
            return [
                f"There is no backup of {project}{slot}. {number} failed, the last one {at}.{why}",
                "It is tried again when the schedule is due the next time.",
            ]
        case Occasion.PROOF_FAILED if reminder.schedule:
            return [
                f"The backup of {project} that was made {at} is not good: it did not pass its checks.",
                "Back up again, and keep the older ones until there is a good one.",
            ]
        case Occasion.PROOF_FAILED:
            return [
                f"The backup of {project} that was made {at} is not good: it did not pass its checks.",
                "Do not count on it; other backups are not concerned.",
            ]
        case Occasion.OVERDUE:
            return [f"A backup of {project} is overdue since {_moment(reminder.at, zone, on='')}.{why}"]
        case Occasion.RECOVERED:
            return [f"{project} is well again: there is a good backup, made {at}."]
        case Occasion.SUCCEEDED:
            return [f"{project} was backed up {at}."]


def _facts(reminder: Reminder, zone: tzinfo | None) -> list[str]:
    if reminder.occasion.is_alarm:
        if reminder.last_good is not None:
            return [f"The last good backup was made {_moment(reminder.last_good, zone)}."]
        return ["There is no good backup."] if reminder.schedule else []
    return [f"Its size is {reminder.bytes:,} bytes; it is {reminder.proof or 'not checked'}."]


def _named(reminder: Reminder) -> str:
    name = _plain(reminder.project)
    return f"{name} ({_plain(reminder.schedule_name)})" if reminder.schedule_name else name


def _moment(when: datetime, zone: tzinfo | None, *, on: str = "on ") -> str:
    return f"{on}{when.astimezone(zone):%a %d %b %Y at %H:%M %Z}"


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).isoformat(timespec="seconds")


def _plain(text: str) -> str:
    """On one line, without what a terminal or a mail program would obey, and always text."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()
