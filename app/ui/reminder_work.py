"""Sends tests of reminders and keeps their secrets: for a worker thread, with nothing of Qt."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.project import Secret
from app.domain.reminders import AnyChannel, Channel
from app.persistence import secrets


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """What is known of a channel's password or token.

    Attributes:
        keyring: its name.
        is_held: it has one.
        problem: why the keyring cannot be used; empty when it can.
        variable: that of the environment, which serves instead.
    """

    keyring: str
    is_held: bool
    problem: str = ""
    variable: str = ""


def look_at_secret(channel: Channel) -> SecretFacts:
    """Ask the keyring whether it holds one."""
    from app.engine.reminders import PASSWORD_VARIABLES

    variable = PASSWORD_VARIABLES[channel]
    found = secrets.probe()
    if not found.usable:
        return SecretFacts(found.name, is_held=False, problem=found.problem, variable=variable)
    is_held = secrets.get_password(channel.value, secrets.REMINDERS) is not None
    return SecretFacts(found.name, is_held, variable=variable)


def keep_secret(channel: Channel, secret: Secret) -> SecretFacts:
    """Store or replace it, where there is a keyring.

    Raises:
        AppError: NO_KEYRING, KEYRING_LOCKED, or INVALID_INPUT for what it cannot hold.
    """
    found = look_at_secret(channel)
    if found.problem:
        return found
    secrets.set_password(channel.value, secret, secrets.REMINDERS)
    return SecretFacts(found.keyring, is_held=True, variable=found.variable)


def forget_secret(channel: Channel) -> None:
    """Remove it, where there is a keyring and one in it."""
    if secrets.probe().usable:
        secrets.delete_password(channel.value, secrets.REMINDERS)


def send_test(channel: AnyChannel, secret: Secret | None) -> str:
    """Send a test, and give who did not get it while others did; raises AppError when nobody did."""
    from app.engine.reminders import send_trial

    return send_trial(channel, secret)
