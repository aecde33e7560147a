"""Failures that a user can act on. Anything that is not an `AppError` is a bug.

`Cancelled` stands apart: a cancelled operation has not failed.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable name of each kind of failure; `--json` prints it."""

    INVALID_INPUT = "invalid-input"
    UNKNOWN_PROJECT = "unknown-project"
    HOST_NOT_FOUND = "host-not-found"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    TLS_REFUSED = "tls-refused"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    CERTIFICATE_OTHER_NAME = "certificate-other-name"
    SIGN_IN_FAILED = "sign-in-failed"
    UNKNOWN_DATABASE = "unknown-database"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    TRANSACTION_POOLER = "transaction-pooler"
    SERVER_TOO_NEW = "server-too-new"
    TOOL_MISSING = "tool-missing"
    TOOL_BROKEN = "tool-broken"
    PERMISSION_DENIED = "permission-denied"
    ROW_SECURITY = "row-security"
    LOCK_WAIT = "lock-wait"
    STALLED = "stalled"
    CANCELLED = "cancelled"
    CONNECTION_LOST = "connection-lost"
    SERVER_ERROR = "server-error"
    DUMP_FAILED = "dump-failed"
    DISK_FULL = "disk-full"
    FOLDER_MISSING = "folder-missing"
    FOLDER_READ_ONLY = "folder-read-only"
    NO_TRASH = "no-trash"
    NO_KEYRING = "no-keyring"
    KEYRING_LOCKED = "keyring-locked"
    ROW_TOO_LARGE = "row-too-large"
    SNAPSHOT_LOST = "snapshot-lost"
    RELATION_CHANGED = "relation-changed"
    ROWS_DIFFER = "rows-differ"
    SPACE_FOR_PROOF = "space-for-proof"
    NOT_A_BACKUP = "not-a-backup"
    ARCHIVE_DAMAGED = "archive-damaged"
    UNKNOWN_FORMAT = "unknown-format"
    NEWER_MANIFEST = "newer-manifest"
    UNSAFE_PATH = "unsafe-path"
    SANDBOX_FAILED = "sandbox-failed"
    RESTORE_FAILED = "restore-failed"
    TARGET_NOT_EMPTY = "target-not-empty"
    CANNOT_RESTORE = "cannot-restore"
    UNSAFE_SCRIPT = "unsafe-script"
    DECOMPRESSION_BOMB = "decompression-bomb"
    SETTINGS_DAMAGED = "settings-damaged"
    OPERATION_LOST = "operation-lost"
    TOKEN_MISSING = "token-missing"  # noqa: S105
    TOKEN_MALFORMED = "token-malformed"  # noqa: S105
    TOKEN_REFUSED = "token-refused"  # noqa: S105
    API_UNREACHABLE = "api-unreachable"
    API_ERROR = "api-error"
    PROJECT_PAUSED = "project-paused"


class AppError(Exception):
    """A failure with its remedy, raised where it is noticed and shown in one place.

    Attributes:
        code: what kind of failure it is.
        title: what happened, one short sentence without a full stop.
        detail: the facts: which object, which file, the server's own words.
        hint: what the user can do about it.
        actions: names of remedies that a front end can offer as buttons.
    """

    def __init__(
        self,
        code: ErrorCode,
        title: str,
        *,
        detail: str = "",
        hint: str = "",
        actions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(title)
        self.code = code
        self.title = title
        self.detail = detail
        self.hint = hint
        self.actions = actions

    def __reduce__(self) -> tuple[object, ...]:
        """Exceptions are pickled by their `args` alone, which are not all of it."""
        return _rebuilt, (self.code, self.title, self.detail, self.hint, self.actions)

    def __str__(self) -> str:
        return ". ".join(text.rstrip(".") for text in (self.title, self.detail, self.hint) if text)


def _rebuilt(code: ErrorCode, title: str, detail: str, hint: str, actions: tuple[str, ...]) -> AppError:
    return AppError(code, title, detail=detail, hint=hint, actions=actions)


class Cancelled(Exception):  # noqa: N818 - no error: the user asked for it
    """The user asked an operation to stop, and it did."""
