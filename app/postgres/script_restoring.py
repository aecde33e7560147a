"""Feeds a plain SQL dump to psql, item by item, and tells which entry each error belongs to.

All of it runs in one transaction, so that rows keep their order; a statement that fails is undone
alone (ON_ERROR_ROLLBACK). psql is restricted, so that no text in the script can reach a program or a
file of this computer.
"""

from __future__ import annotations

import re
import secrets
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable

from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import Connection
from app.postgres.failures import dump_failure
from app.postgres.script import CopyBlock, MetaCommand
from app.postgres.script_archive import ScriptItem, is_owner_change, is_session_setting
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import Child

_ERROR = re.compile(r"^psql:<stdin>:(\d+): (?:ERROR|FATAL):\s*(.*)$")
_NO_RESTRICT = re.compile(r"invalid command \\restrict")
_TRANSACTION = re.compile(rb"(?:BEGIN|COMMIT)\s*;")

Edit = Callable[[int, bytes], bytes | None]


def restore_script(
    tool: Installation,
    items: Iterable[ScriptItem],
    connection: Connection,
    encoding: str,
    edit: Edit,
    *,
    cancel: CancelToken,
) -> dict[int, str]:
    """Restore a script and go on after errors.

    Args:
        tool: whose psql runs.
        items: the script, with the number of each item's entry.
        encoding: of the script.
        edit: gives what to run instead of a statement of an entry; None to leave it out.

    Returns:
        The server's first words to each entry that failed, by its number.

    Raises:
        AppError: psql cannot be restricted, or lost the server.
        Cancelled: `cancel` was set.
    """
    errors = _Errors()
    with (
        Child(
            [
                str(tool.program("psql")),
                f"--dbname={connection.conninfo}",
                "--no-psqlrc",
                "--quiet",
                "--no-password",
                "--single-transaction",
                "--set=ON_ERROR_ROLLBACK=on",
                "--file=-",
            ],
            env=connection.environment(PGCLIENTENCODING=encoding),
            stdin=Child.PIPE,
            on_error_line=errors.line,
        ) as psql,
        cancel.interrupting(psql.terminate),
    ):
        try:
            errors.feed(psql, 0, f"\\restrict {secrets.token_hex(16)}\n".encode())
            for item in items:
                cancel.check()
                _feed(psql, item, edit, errors)
            psql.stdin.close()
        except BrokenPipeError:
            pass  # psql went first; its status says why
        status = psql.wait()
        cancel.check()
        if _NO_RESTRICT.search(psql.errors()):
            raise AppError(
                ErrorCode.TOOL_BROKEN,
                "psql is too old to run a script safely",
                detail=f"{tool}",
                hint="Install a psql that knows \\restrict: 17.6, 16.10, 15.14 or newer.",
            )
        if status != 0:
            raise dump_failure("psql", psql.errors(), status, connection.describe())
    return errors.by_entry


def _feed(psql: Child, numbered: ScriptItem, edit: Edit, errors: _Errors) -> None:
    item = numbered.item
    if isinstance(item, MetaCommand):
        return
    if isinstance(item, CopyBlock):
        statement = edit(numbered.dump_id, item.statement)
        if statement is None:
            return
        errors.feed(psql, numbered.dump_id, statement + b"\n")
        for block in item.data:
            errors.feed(psql, numbered.dump_id, block)
        errors.feed(psql, numbered.dump_id, b"\\.\n")
        return
    if _TRANSACTION.fullmatch(item.text) or is_owner_change(item):
        return
    if is_session_setting(item):
        errors.feed(psql, 0, item.text + b"\n")
    elif numbered.dump_id and (text := edit(numbered.dump_id, item.text)) is not None:
        errors.feed(psql, numbered.dump_id, text + b"\n")


class _Errors:
    """Knows which lines of what was fed belong to which entry, and reads psql's complaints."""

    def __init__(self) -> None:
        self.by_entry: dict[int, str] = {}
        self._starts = [0]
        self._entries = [0]
        self._line = 1
        self._lock = threading.Lock()

    def feed(self, psql: Child, dump_id: int, text: bytes) -> None:
        with self._lock:
            if self._entries[-1] != dump_id:
                self._starts.append(self._line)
                self._entries.append(dump_id)
            self._line += text.count(b"\n")
        psql.stdin.write(text)

    def line(self, text: str) -> None:
        match = _ERROR.match(text)
        if not match:
            return
        with self._lock:
            dump_id = self._entries[bisect_right(self._starts, int(match[1])) - 1]
        if dump_id:
            self.by_entry.setdefault(dump_id, match[2])
