"""Keeps passwords in the system's keyring and nowhere else.

A backend can block for ever: a locked one asks its user, a broken one waits for its service. So
`probe` asks in a child process, which gives its backend a few seconds; the other functions are for a worker
thread, after a probe. Backends that keep passwords in plain text or weakly protected files are refused.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import keyring
import keyring.core
import msgspec
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.backends.chainer import ChainerBackend
from keyring.errors import InitError, KeyringLocked, NoKeyringError

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.system.process import child_environment, own_command, own_command_folder, run

PROBE_VERB = "keyring-probe"

PROJECTS = "Holdfast"
"""The service under which passwords of projects are kept, by their names."""
REMINDERS = "Holdfast reminders"
"""That for passwords and tokens of reminders, by their channels: no project can have such a name."""

_PROBED_ACCOUNT = "probe of the keyring"
_PATIENCE = 3.0  # a keyring that is open answers in milliseconds
_LONGEST_ON_WINDOWS = 1_280
_OTHER_WAYS = "PGPASSWORD and ~/.pgpass work without a keyring."


@dataclass(frozen=True, slots=True)
class KeyringState:
    """Which keyring there is, whether it can be used now, and if not, why.

    `locked` tells a keyring that holds passwords and waits for its own from none at all.
    """

    name: str
    usable: bool
    problem: str = ""
    locked: bool = False


def probe(timeout: float = 20.0, command: Sequence[str] | None = None) -> KeyringState:
    """Ask the keyring in a child process and wait for at most `timeout` seconds.

    The child gives its backend three; the rest is for its own start on a computer that has much to do.
    `command` starts that child; it is Holdfast itself with `PROBE_VERB`, which calls `report_keyring`.
    """
    argv = command or [*own_command(), PROBE_VERB]
    try:
        folder = None if command or getattr(sys, "frozen", False) else own_command_folder()
        done = run(argv, env=child_environment(inherit_pg=True), timeout=timeout, cwd=folder)
    except AppError as error:
        return _silent("unknown", error.detail)
    try:
        return msgspec.json.decode(done.output.strip().rpartition("\n")[2], type=KeyringState)
    except msgspec.MsgspecError:
        last = done.errors.strip().rpartition("\n")[2]
        return KeyringState("unknown", usable=False, problem=last or f"exit status {done.status}")


def report_keyring() -> None:
    """Try the keyring and print one line of JSON for `probe`; one that does not answer ends the process."""
    name = "none"

    def give_up() -> None:
        _print_state(_silent(name, f"{_PATIENCE:g} s"))
        os._exit(0)

    limit = threading.Timer(_PATIENCE, give_up)
    limit.daemon = True
    limit.start()
    try:
        with _explained():
            backend = _backend()
            name = str(backend.name)
            backend.get_password(PROJECTS, _PROBED_ACCOUNT)
        state = KeyringState(name, usable=True)
    except AppError as error:
        is_locked = error.code is ErrorCode.KEYRING_LOCKED
        state = KeyringState(name, usable=False, problem=str(error), locked=is_locked)
    limit.cancel()
    _print_state(state)


def _silent(name: str, waited: str) -> KeyringState:
    problem = f"It does not answer: it may be locked and wait for its password ({waited})."
    return KeyringState(name, usable=False, problem=problem, locked=True)


def _print_state(state: KeyringState) -> None:
    sys.stdout.write(msgspec.json.encode(state).decode() + "\n")
    sys.stdout.flush()


def get_password(name: str, service: str = PROJECTS) -> Secret | None:
    """The password of a project, or of a channel of reminders; None when the keyring has none.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED.
    """
    with _explained():
        password = _backend().get_password(service, name)
    return None if password is None else Secret(password)


def set_password(name: str, password: Secret, service: str = PROJECTS) -> None:
    """Store or replace a password.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED; INVALID_INPUT for a password that no keyring can hold.
    """
    check_storable(password, sys.platform)
    with _explained():
        _backend().set_password(service, name, password.reveal())


def delete_password(name: str, service: str = PROJECTS) -> None:
    """Remove a password, if there is one.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED.
    """
    with _explained():
        backend = _backend()
        if backend.get_password(service, name) is not None:
            backend.delete_password(service, name)


def check_storable(password: Secret, platform: str) -> None:
    """Refuse what the platform's keyring would refuse with a message that explains nothing.

    Windows' Credential Locker takes 2,560 bytes of UTF-16 (CRED_MAX_CREDENTIAL_BLOB_SIZE, wincred.h).

    Raises:
        AppError: INVALID_INPUT.
    """
    try:
        length = len(password.reveal().encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "The password is not text, so the keyring cannot store it",
            hint=_OTHER_WAYS,
        ) from None
    if platform == "win32" and length > _LONGEST_ON_WINDOWS:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "The password is too long for the Windows keyring",
            detail=f"It has {length:,} characters; {_LONGEST_ON_WINDOWS:,} fit.",
            hint=_OTHER_WAYS,
        )


def _backend() -> KeyringBackend:
    """The keyring that is used: the system's choice, or the best of several, but none below the system's own.

    Keyring's authors give backends that are safe for general use a priority of 1 or more
    (`keyring.core.recommended`); plain text files have less.
    """
    chosen = keyring.get_keyring()
    several = chosen.backends if isinstance(chosen, ChainerBackend) else [chosen]
    usable = [backend for backend in several if keyring.core.recommended(backend)]
    if not usable and isinstance(chosen, fail.Keyring):
        raise NoKeyringError
    if not usable:
        raise NoKeyringError(f"“{chosen.name}” does not keep passwords safe, so it is not used")
    return usable[0]


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the keyring's errors into ours; their text never holds a password."""
    try:
        yield
    except KeyringLocked as error:
        raise AppError(
            ErrorCode.KEYRING_LOCKED,
            "The keyring is locked",
            detail=str(error),
            hint=f"Unlock it, then try again. {_OTHER_WAYS}",
        ) from error
    except (NoKeyringError, InitError) as error:
        raise _no_keyring(str(error)) from error
    except Exception as error:
        raise AppError(
            ErrorCode.NO_KEYRING,
            "The keyring does not work",
            detail=f"{type(error).__name__}: {error}",
            hint=f"“holdfast doctor” shows which keyring is in use. {_OTHER_WAYS}",
        ) from error


def _no_keyring(detail: str) -> AppError:
    return AppError(
        ErrorCode.NO_KEYRING,
        "There is no keyring for the password",
        detail=detail,
        hint="Install one (on Linux gnome-keyring or KWallet) and sign in again. "
        f"{_OTHER_WAYS} Nothing was stored.",
    )
