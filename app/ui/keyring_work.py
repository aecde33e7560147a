"""Asks the keyring what it holds, and has it forget; it may wait for its user: for a worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.reminders import Channel
from app.persistence import secrets


@dataclass(frozen=True, slots=True)
class KeyringFacts:
    """What was found.

    Attributes:
        name: of the keyring.
        problem: why it cannot be used; empty when it can.
        held: the projects whose passwords it holds.
        has_more: it holds a password or token for reminders, too.
        locked: it may hold some, and waits for its own password.
    """

    name: str
    problem: str
    held: tuple[str, ...] = ()
    locked: bool = False
    has_more: bool = False


def look_at_keyring(projects: Sequence[str]) -> KeyringFacts:
    """Look whether it can be used, and for which of these projects it has a password."""
    found = secrets.probe()
    if not found.usable:
        return KeyringFacts(found.name, found.problem or "It cannot be used", locked=found.locked)
    held = tuple(name for name in projects if secrets.get_password(name) is not None)
    has_more = any(secrets.get_password(one.value, secrets.REMINDERS) is not None for one in Channel)
    return KeyringFacts(found.name, "", held, has_more=has_more)


def forget_passwords(projects: Sequence[str]) -> None:
    """Remove the passwords of these projects, and those of reminders, as far as there are any.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED.
    """
    for name in projects:
        secrets.delete_password(name)
    for channel in Channel:
        secrets.delete_password(channel.value, secrets.REMINDERS)
