"""Asks the keyring what it holds, and has it forget; it may wait for its user: for a worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.persistence import secrets


@dataclass(frozen=True, slots=True)
class KeyringFacts:
    """What was found.

    Attributes:
        name: of the keyring.
        problem: why it cannot be used; empty when it can.
        held: the projects whose passwords it holds.
        locked: it may hold some, and waits for its own password.
    """

    name: str
    problem: str
    held: tuple[str, ...] = ()
    locked: bool = False


def look_at_keyring(projects: Sequence[str]) -> KeyringFacts:
    """Look whether it can be used, and for which of these projects it has a password."""
    found = secrets.probe()
    if not found.usable:
        return KeyringFacts(found.name, found.problem or "It cannot be used", locked=found.locked)
    held = tuple(name for name in projects if secrets.get_password(name) is not None)
    return KeyringFacts(found.name, "", held)


def forget_passwords(projects: Sequence[str]) -> None:
    """Remove the passwords of these projects, as far as there are any.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED.
    """
    for name in projects:
        secrets.delete_password(name)
