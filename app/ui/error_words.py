"""Says in the window's language what kind of failure an error of the engine is."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication

from app.domain.errors import AppError, ErrorCode
from app.domain.health import Cause
from app.ui import formats
from app.ui.engine_words import translated
from app.ui.widgets.badge import QT_TRANSLATE_NOOP

_WORDS = {
    ErrorCode.INVALID_INPUT: (
        QT_TRANSLATE_NOOP("error", "Something that was given cannot be used"),
        "",
    ),
    ErrorCode.UNKNOWN_PROJECT: (
        QT_TRANSLATE_NOOP("error", "There is no such project"),
        "",
    ),
    ErrorCode.HOST_NOT_FOUND: (
        QT_TRANSLATE_NOOP("error", "The host was not found"),
        QT_TRANSLATE_NOOP("error", "Check how its name is written, and the network."),
    ),
    ErrorCode.UNREACHABLE: (
        QT_TRANSLATE_NOOP("error", "The server cannot be reached from this network"),
        QT_TRANSLATE_NOOP("error", "Check the network, or choose a way to the server that it allows."),
    ),
    ErrorCode.REFUSED: (
        QT_TRANSLATE_NOOP("error", "Nothing answers at that address"),
        QT_TRANSLATE_NOOP("error", "Check host and port, and whether the server runs."),
    ),
    ErrorCode.TIMED_OUT: (
        QT_TRANSLATE_NOOP("error", "There was no answer in time"),
        QT_TRANSLATE_NOOP("error", "Try again; check the network if it stays so."),
    ),
    ErrorCode.TLS_REFUSED: (
        QT_TRANSLATE_NOOP("error", "The server and this computer do not agree on TLS"),
        QT_TRANSLATE_NOOP("error", "Look at TLS in the project’s connection."),
    ),
    ErrorCode.CERTIFICATE_NOT_TRUSTED: (
        QT_TRANSLATE_NOOP("error", "The server’s certificate is not trusted"),
        QT_TRANSLATE_NOOP(
            "error", "Choose the certificate of the authority that signed it, in the project’s connection."
        ),
    ),
    ErrorCode.CERTIFICATE_OTHER_NAME: (
        QT_TRANSLATE_NOOP("error", "The server’s certificate is for another name"),
        QT_TRANSLATE_NOOP("error", "Use the name that stands in the certificate."),
    ),
    ErrorCode.SIGN_IN_FAILED: (
        QT_TRANSLATE_NOOP("error", "The server refused the sign-in"),
        QT_TRANSLATE_NOOP("error", "Check user and password."),
    ),
    ErrorCode.UNKNOWN_DATABASE: (
        QT_TRANSLATE_NOOP("error", "There is no such database on the server"),
        QT_TRANSLATE_NOOP("error", "Check how its name is written."),
    ),
    ErrorCode.TOO_MANY_CONNECTIONS: (
        QT_TRANSLATE_NOOP("error", "The server has no free connection"),
        QT_TRANSLATE_NOOP("error", "Try again later, or close other programs that use it."),
    ),
    ErrorCode.TRANSACTION_POOLER: (
        QT_TRANSLATE_NOOP("error", "This address leads to a transaction pooler"),
        QT_TRANSLATE_NOOP("error", "A backup needs the session pooler or the server itself."),
    ),
    ErrorCode.SERVER_TOO_NEW: (
        QT_TRANSLATE_NOOP("error", "The server is newer than the PostgreSQL tools"),
        QT_TRANSLATE_NOOP("error", "Install newer tools; the settings show which were found."),
    ),
    ErrorCode.TOOL_MISSING: (
        QT_TRANSLATE_NOOP("error", "A PostgreSQL tool that this needs is missing"),
        QT_TRANSLATE_NOOP("error", "The settings show which tools were found."),
    ),
    ErrorCode.TOOL_BROKEN: (
        QT_TRANSLATE_NOOP("error", "A program that this needs does not work"),
        "",
    ),
    ErrorCode.PERMISSION_DENIED: (
        QT_TRANSLATE_NOOP("error", "The role may not read everything"),
        "",
    ),
    ErrorCode.ROW_SECURITY: (
        QT_TRANSLATE_NOOP("error", "Row security would hide rows from the backup"),
        "",
    ),
    ErrorCode.LOCK_WAIT: (
        QT_TRANSLATE_NOOP("error", "Another session or program holds what this needs"),
        QT_TRANSLATE_NOOP("error", "Wait until it is done, or end it, then try again."),
    ),
    ErrorCode.STALLED: (
        QT_TRANSLATE_NOOP("error", "Nothing moved for too long"),
        QT_TRANSLATE_NOOP("error", "Look for locks and for a broken network, then start again."),
    ),
    ErrorCode.CANCELLED: (
        QT_TRANSLATE_NOOP("error", "Cancelled"),
        "",
    ),
    ErrorCode.CONNECTION_LOST: (
        QT_TRANSLATE_NOOP("error", "The connection to the server was lost"),
        QT_TRANSLATE_NOOP("error", "Check the network, then try again."),
    ),
    ErrorCode.SERVER_ERROR: (
        QT_TRANSLATE_NOOP("error", "The server refused a query"),
        QT_TRANSLATE_NOOP("error", "What the server said stands with it."),
    ),
    ErrorCode.DUMP_FAILED: (
        QT_TRANSLATE_NOOP("error", "The dump failed"),
        QT_TRANSLATE_NOOP("error", "No backup was kept."),
    ),
    ErrorCode.DISK_FULL: (
        QT_TRANSLATE_NOOP("error", "The disk is full"),
        QT_TRANSLATE_NOOP("error", "Free some space, or choose another folder."),
    ),
    ErrorCode.FOLDER_MISSING: (
        QT_TRANSLATE_NOOP("error", "The folder is not there"),
        QT_TRANSLATE_NOOP("error", "Connect the disk that it is on, or choose another folder."),
    ),
    ErrorCode.FOLDER_READ_ONLY: (
        QT_TRANSLATE_NOOP("error", "The folder cannot be written to"),
        QT_TRANSLATE_NOOP("error", "Change its permissions or choose another folder."),
    ),
    ErrorCode.NO_TRASH: (
        QT_TRANSLATE_NOOP("error", "The backup cannot be moved to the trash"),
        QT_TRANSLATE_NOOP("error", "Its disk may have no trash. Delete the backup for good, or keep it."),
    ),
    ErrorCode.NO_KEYRING: (
        QT_TRANSLATE_NOOP("error", "There is no keyring for passwords that works"),
        QT_TRANSLATE_NOOP(
            "error",
            "Passwords are kept only until Holdfast ends; the settings show which keyrings were found.",
        ),
    ),
    ErrorCode.KEYRING_LOCKED: (
        QT_TRANSLATE_NOOP("error", "The keyring is locked"),
        QT_TRANSLATE_NOOP("error", "Unlock it, then try again."),
    ),
    ErrorCode.ROW_TOO_LARGE: (
        QT_TRANSLATE_NOOP("error", "A row is too large to be dumped"),
        "",
    ),
    ErrorCode.SNAPSHOT_LOST: (
        QT_TRANSLATE_NOOP("error", "The snapshot was lost"),
        QT_TRANSLATE_NOOP("error", "Back up again; check what ends long sessions on the server."),
    ),
    ErrorCode.RELATION_CHANGED: (
        QT_TRANSLATE_NOOP("error", "A table was changed or dropped while it was dumped"),
        QT_TRANSLATE_NOOP("error", "Back up again when no migration runs."),
    ),
    ErrorCode.ROWS_DIFFER: (
        QT_TRANSLATE_NOOP("error", "The archive does not hold the rows that the server counted"),
        QT_TRANSLATE_NOOP("error", "No backup was kept. Copy the details and report them."),
    ),
    ErrorCode.SPACE_FOR_PROOF: (
        QT_TRANSLATE_NOOP("error", "There is too little space to restore the backup for a proof"),
        QT_TRANSLATE_NOOP("error", "Free some space, then prove it again."),
    ),
    ErrorCode.NOT_A_BACKUP: (
        QT_TRANSLATE_NOOP("error", "The folder is not a backup of Holdfast"),
        QT_TRANSLATE_NOOP("error", "Choose the folder that holds manifest.json."),
    ),
    ErrorCode.ARCHIVE_DAMAGED: (
        QT_TRANSLATE_NOOP("error", "A file of the backup or dump is damaged"),
        QT_TRANSLATE_NOOP("error", "Use another backup, or a whole copy of the file."),
    ),
    ErrorCode.UNKNOWN_FORMAT: (
        QT_TRANSLATE_NOOP("error", "This is not a PostgreSQL dump that can be read"),
        "",
    ),
    ErrorCode.NEWER_MANIFEST: (
        QT_TRANSLATE_NOOP("error", "This was made by a newer Holdfast"),
        QT_TRANSLATE_NOOP("error", "Update Holdfast."),
    ),
    ErrorCode.UNSAFE_PATH: (
        QT_TRANSLATE_NOOP("error", "The backup’s folder holds what a backup never has"),
        QT_TRANSLATE_NOOP("error", "Nothing was changed."),
    ),
    ErrorCode.SANDBOX_FAILED: (
        QT_TRANSLATE_NOOP("error", "The throwaway server did not work"),
        "",
    ),
    ErrorCode.RESTORE_FAILED: (
        QT_TRANSLATE_NOOP("error", "The restore failed"),
        "",
    ),
    ErrorCode.TARGET_NOT_EMPTY: (
        QT_TRANSLATE_NOOP("error", "There is something of that name already"),
        QT_TRANSLATE_NOOP("error", "Choose another name, or restore into what is there."),
    ),
    ErrorCode.CANNOT_RESTORE: (
        QT_TRANSLATE_NOOP("error", "This cannot be restored in that way"),
        "",
    ),
    ErrorCode.UNSAFE_SCRIPT: (
        QT_TRANSLATE_NOOP("error", "The SQL script was stopped"),
        QT_TRANSLATE_NOOP(
            "error", "Nothing of what is named was run. Remove it from the script if you trust the rest."
        ),
    ),
    ErrorCode.DECOMPRESSION_BOMB: (
        QT_TRANSLATE_NOOP("error", "The archive unpacks to far more than a dump would"),
        QT_TRANSLATE_NOOP(
            "error", "It is refused. If you trust it, unpack it yourself and use what was in it."
        ),
    ),
    ErrorCode.SETTINGS_DAMAGED: (
        QT_TRANSLATE_NOOP("error", "The settings cannot be read"),
        QT_TRANSLATE_NOOP(
            "error", "Correct the file, or rename it to begin anew. Backups are not touched by this."
        ),
    ),
    ErrorCode.OPERATION_LOST: (
        QT_TRANSLATE_NOOP("error", "The operation ended in the middle"),
        QT_TRANSLATE_NOOP("error", "What it left is cleared up next time."),
    ),
    ErrorCode.TOKEN_MISSING: (
        QT_TRANSLATE_NOOP("error", "You are not signed in to Supabase"),
        QT_TRANSLATE_NOOP("error", "Sign in under From Supabase…"),
    ),
    ErrorCode.TOKEN_MALFORMED: (
        QT_TRANSLATE_NOOP("error", "This is not such a token or key of Supabase"),
        "",
    ),
    ErrorCode.TOKEN_REFUSED: (
        QT_TRANSLATE_NOOP("error", "Supabase refused the access token"),
        QT_TRANSLATE_NOOP("error", "Sign in with a new one."),
    ),
    ErrorCode.API_UNREACHABLE: (
        QT_TRANSLATE_NOOP("error", "Supabase cannot be reached"),
        QT_TRANSLATE_NOOP("error", "Check the network, then try again."),
    ),
    ErrorCode.API_ERROR: (
        QT_TRANSLATE_NOOP("error", "Supabase did not give what was asked for"),
        "",
    ),
    ErrorCode.PROJECT_PAUSED: (
        QT_TRANSLATE_NOOP("error", "The project is paused"),
        QT_TRANSLATE_NOOP(
            "error", "Start it in Supabase’s dashboard and wait until it runs, then try again."
        ),
    ),
}
"""What errors of a code have in common, and what helps against all of them."""


def in_language(error: AppError) -> AppError:
    """The error as the window shows it.

    In English the engine's sentences stand as they are. In other languages those that are known are
    translated; above the others, which name tables, hosts and files, stands what errors of the code have in
    common.
    """
    title, hint = _WORDS[error.code]
    kind = QCoreApplication.translate("error", title)
    if kind == title:
        return error
    said, own = kind, ""
    if error.title != title.replace("’", "'"):
        said = translated(error.title)
    if said == error.title:
        said, own = kind, error.title
    helps = translated(error.hint)
    if helps == error.hint and hint:
        helps = QCoreApplication.translate("error", hint)
    detail = formats.sentences(own, translated(error.detail))
    return AppError(error.code, said, detail=detail, hint=helps, actions=error.actions)


def cause_in_language(cause: Cause) -> Cause:
    """Likewise why a project is not well; what has no code stands as it is."""
    if cause.code not in set(ErrorCode):
        return cause
    error = in_language(AppError(ErrorCode(cause.code), cause.title, detail=cause.detail))
    return replace(cause, title=error.title, detail=error.detail)
