"""What a server says to a statement of a script, without the values of rows, and what can be done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from psycopg import pq

from app.domain.errors import AppError, ErrorCode
from app.postgres.shown_text import shortened, without_values

_WHERE = re.compile(r"COPY .+?, line \d+(?:, column [^:]+)?")
_REMEDIES = {
    "53100": "The server's own disk is full: free some space there.",
    "42501": "The role may not do this: restore as the owner, or leave owners and privileges out.",
    "42P07": "The target already has it: restore into a new database, or clean the target first.",
    "42710": "The target already has it: restore into a new database, or clean the target first.",
    "42P06": "The target already has it: restore into a new database, or clean the target first.",
    "42723": "The target already has it: restore into a new database, or clean the target first.",
    "23505": "The target already has these rows: restore into a new database, or clean the target first.",
    "23503": "Rows that it refers to are missing: restore them as well, or correct the source.",
    "42704": "What it needs is missing in the target: a role, a type or an extension. Make it first.",
    "42P01": "A table that it needs is missing in the target: restore the whole script, or make it first.",
    "3F000": "A schema that it needs is missing in the target: restore the whole script, or make it first.",
    "58P01": "The server lacks a file, often an extension's: install the extension on the server.",
    "0A000": "The server cannot do this; is an extension missing, or is it older than the script?",
    "25001": "It cannot run inside of a transaction: restore without one.",
}


@dataclass(frozen=True, slots=True)
class StatementError:
    """What the server said to one statement.

    Attributes:
        line: of the script, where the statement begins; from 1.
        dump_id: its entry; 0 for settings.
        statement: its beginning.
        message: the server's own words, without the values of rows where it tells them apart.
        sqlstate: PostgreSQL's code of the error.
        hint: what can be done about it, where that is known.
        more: how many further statements of the same entry failed.
    """

    line: int
    dump_id: int
    statement: str
    message: str
    sqlstate: str
    hint: str = ""
    more: int = 0


class StatementFailedError(AppError):
    """A statement failed where nothing may; `error` says which, and what the server said."""

    def __init__(self, error: StatementError) -> None:
        super().__init__(
            ErrorCode.RESTORE_FAILED,
            f"The restore stopped in line {error.line} of the script",
            detail=f"{error.message} · {error.statement}",
            hint=error.hint,
        )
        self.error = error


def error_of(line: int, dump_id: int, text: bytes, result: Any) -> StatementError:
    """The error that a result of libpq tells of."""
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    return StatementError(line, dump_id, shortened(text), message_of(result), state, _REMEDIES.get(state, ""))


def message_of(result: Any) -> str:
    """The server's words, where in the rows, and its hint."""

    def told(field: pq.DiagnosticField) -> str:
        return (result.error_field(field) or b"").decode("utf-8", "replace")

    message = told(pq.DiagnosticField.MESSAGE_PRIMARY)
    if not message:
        message = result.error_message.decode("utf-8", "replace").strip() or "the server gave no reason"
    where = _WHERE.match(told(pq.DiagnosticField.CONTEXT))
    where_to = where[0] if where else ""
    parts = [without_values(message), where_to, told(pq.DiagnosticField.MESSAGE_HINT)]
    return " · ".join(part for part in parts if part)


def unsafe(line: int, what: str, statement: str) -> AppError:
    """Why a script is not run any further."""
    return AppError(
        ErrorCode.UNSAFE_SCRIPT,
        "The SQL script was stopped",
        detail=f"Line {line}: {statement} · {what}",
        hint="Nothing of that was run. Remove it from the script if you trust the rest.",
    )
