"""What a front end can offer to do about a failure, by a button."""

from __future__ import annotations

from enum import StrEnum

from app.domain.errors import AppError, ErrorCode


class Remedy(StrEnum):
    """What a button can do; the values stand in `AppError.actions`."""

    USE_SESSION_POOLER = "use-session-pooler"
    """Port 5432 instead of 6543; for a direct Supabase host its session pooler."""
    EDIT_CONNECTION = "edit-connection"
    ENTER_PASSWORD = "enter-password"  # noqa: S105 - a button, no password
    REQUIRE_TLS = "require-tls"
    """sslmode=require."""
    ALLOW_NO_TLS = "allow-no-tls"
    """sslmode=prefer."""
    CHOOSE_ROOT_CERTIFICATE = "choose-root-certificate"
    CHOOSE_FOLDER = "choose-folder"
    FREE_SPACE = "free-space"
    """Retention, or History sorted by size."""
    SHOW_TOOLS = "show-tools"
    SHOW_KEYRING = "show-keyring"
    TRY_AGAIN = "try-again"
    SHOW_HISTORY = "show-history"
    """To choose another backup."""
    PROVE = "prove"
    DELETE_FOR_GOOD = "delete-for-good"
    REPLACE_FILE = "replace-file"


_BY_CODE: dict[ErrorCode, tuple[Remedy, ...]] = {
    ErrorCode.HOST_NOT_FOUND: (Remedy.EDIT_CONNECTION, Remedy.TRY_AGAIN),
    ErrorCode.UNREACHABLE: (Remedy.EDIT_CONNECTION, Remedy.TRY_AGAIN),
    ErrorCode.REFUSED: (Remedy.TRY_AGAIN, Remedy.EDIT_CONNECTION),
    ErrorCode.TIMED_OUT: (Remedy.TRY_AGAIN, Remedy.EDIT_CONNECTION),
    ErrorCode.TLS_REFUSED: (Remedy.EDIT_CONNECTION,),
    ErrorCode.CERTIFICATE_NOT_TRUSTED: (Remedy.CHOOSE_ROOT_CERTIFICATE, Remedy.EDIT_CONNECTION),
    ErrorCode.CERTIFICATE_OTHER_NAME: (Remedy.EDIT_CONNECTION,),
    ErrorCode.SIGN_IN_FAILED: (Remedy.ENTER_PASSWORD, Remedy.EDIT_CONNECTION),
    ErrorCode.UNKNOWN_DATABASE: (Remedy.EDIT_CONNECTION,),
    ErrorCode.TOO_MANY_CONNECTIONS: (Remedy.TRY_AGAIN,),
    ErrorCode.TRANSACTION_POOLER: (Remedy.USE_SESSION_POOLER, Remedy.EDIT_CONNECTION),
    ErrorCode.SERVER_TOO_NEW: (Remedy.SHOW_TOOLS,),
    ErrorCode.TOOL_MISSING: (Remedy.SHOW_TOOLS,),
    ErrorCode.TOOL_BROKEN: (Remedy.SHOW_TOOLS,),
    ErrorCode.PERMISSION_DENIED: (Remedy.EDIT_CONNECTION, Remedy.TRY_AGAIN),
    ErrorCode.ROW_SECURITY: (Remedy.EDIT_CONNECTION, Remedy.TRY_AGAIN),
    ErrorCode.LOCK_WAIT: (Remedy.TRY_AGAIN,),
    ErrorCode.STALLED: (Remedy.TRY_AGAIN,),
    ErrorCode.OPERATION_LOST: (Remedy.TRY_AGAIN,),
    ErrorCode.CONNECTION_LOST: (Remedy.TRY_AGAIN,),
    ErrorCode.SNAPSHOT_LOST: (Remedy.TRY_AGAIN,),
    ErrorCode.RELATION_CHANGED: (Remedy.TRY_AGAIN,),
    ErrorCode.DISK_FULL: (Remedy.CHOOSE_FOLDER, Remedy.FREE_SPACE),
    ErrorCode.SPACE_FOR_PROOF: (Remedy.TRY_AGAIN,),
    ErrorCode.FOLDER_MISSING: (Remedy.CHOOSE_FOLDER, Remedy.TRY_AGAIN),
    ErrorCode.FOLDER_READ_ONLY: (Remedy.CHOOSE_FOLDER,),
    ErrorCode.NO_KEYRING: (Remedy.SHOW_KEYRING,),
    ErrorCode.KEYRING_LOCKED: (Remedy.TRY_AGAIN, Remedy.SHOW_KEYRING),
    ErrorCode.ARCHIVE_DAMAGED: (Remedy.SHOW_HISTORY,),
    ErrorCode.NO_TRASH: (Remedy.DELETE_FOR_GOOD,),
    ErrorCode.SANDBOX_FAILED: (Remedy.TRY_AGAIN, Remedy.SHOW_TOOLS),
}


def remedies_of(error: AppError) -> tuple[Remedy, ...]:
    """What can be offered, the best first: what the failure names itself, else what its kind allows."""
    named = tuple(Remedy(action) for action in error.actions if action in set(Remedy))
    return named or _BY_CODE.get(error.code, ())
