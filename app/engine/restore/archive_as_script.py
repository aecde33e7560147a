"""Loads an archive as the SQL that pg_restore makes of it, in a session of our own.

So rows can be counted, and keys be checked, in the transaction that loads them; it takes no longer than
pg_restore's own transaction. It is also the way into servers that a pg_restore is too new for: since 17 it
sets transaction_timeout, which no older server knows; and older ones cannot read the archives of 17.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.restore import RestoreFailure, RestoreMode
from app.engine.restore.default_rights import with_revokes
from app.engine.restore.plan import PreparedRestore
from app.engine.restore.project_rows import keeping_still
from app.engine.restore.script_restore import failures_of
from app.postgres.archive_entry import python_codec
from app.postgres.compression import BLOCK
from app.postgres.connection import Connection, Session
from app.postgres.failures import dump_failure
from app.postgres.quoting import encode_sql
from app.postgres.script import Header, MetaCommand, Statement, read_script
from app.postgres.script_archive import ScriptItem
from app.postgres.script_errors import StatementFailedError
from app.postgres.script_run import ScriptRun, run_script
from app.postgres.toolchain import Installation
from app.postgres.unknown_settings import unknown_setting
from app.system.cancellation import CancelToken
from app.system.process import Child, child_environment

_SETS_TRANSACTION_TIMEOUT = 17


def is_too_new(tool: Installation, server: int) -> bool:
    """Whether this pg_restore sets what a server of that major does not know."""
    return tool.version.major >= _SETS_TRANSACTION_TIMEOUT > server


@dataclass(frozen=True, slots=True)
class ArchiveAsScript:
    """An archive that pg_restore writes as SQL.

    Attributes:
        archive: what pg_restore reads, or its bytes.
        use_list: a file for `--use-list`.
        encoding: of the archive.
        server: the target's major version.
    """

    prepared: PreparedRestore
    tool: Installation
    archive: Path | Iterable[bytes]
    use_list: Path | None
    encoding: str
    server: int

    def load(
        self,
        connection: Connection,
        cancel: CancelToken,
        on_entry: Callable[[int], None],
        close: Callable[[Session], None],
    ) -> tuple[RestoreFailure, ...]:
        """Load the plan's entries; gives those that failed: only the first where all or nothing counts.

        Raises:
            AppError: RESTORE_FAILED when pg_restore fails, and as `run_script` does.
            Cancelled: `cancel` was set.
        """
        goes_on = self.prepared.plan.mode is RestoreMode.PARALLEL
        arguments: list[str | Path] = [
            self.tool.program("pg_restore"),
            "--file=-",
            *self.prepared.options,
            *([f"--use-list={self.use_list}"] if self.use_list else []),
            *([self.archive] if isinstance(self.archive, Path) else []),
        ]
        with (
            Child(
                arguments,
                env=child_environment(),
                stdin=Child.NULL if isinstance(self.archive, Path) else Child.PIPE,
                stdout=Child.PIPE,
            ) as child,
            cancel.interrupting(child.terminate),
            _fed(child, None if isinstance(self.archive, Path) else self.archive),
        ):
            try:
                run = run_script(
                    keeping_still(
                        with_revokes(
                            self._items(child, cancel, on_entry),
                            self.prepared.revokes,
                            python_codec(self.encoding),
                        ),
                        self.prepared,
                    ),
                    connection,
                    self.encoding,
                    one_transaction=not goes_on,
                    goes_on=goes_on,
                    closing=close if self.prepared.plan.mode is RestoreMode.ONE_TRANSACTION else None,
                    cancel=cancel,
                )
            except StatementFailedError as failure:
                run = ScriptRun(0, 0, (failure.error,))
        return failures_of(run, self.prepared.entries)

    def _items(
        self, child: Child, cancel: CancelToken, on_entry: Callable[[int], None]
    ) -> Iterator[ScriptItem]:
        numbers = {(one.kind, one.schema, one.tag): one.dump_id for one in self.prepared.entries}
        done, last = 0, None
        if self.prepared.plan.mode is RestoreMode.ONE_TRANSACTION:
            for statement in self.prepared.drops:
                yield ScriptItem(0, Statement(encode_sql(statement), None, 0))
        for item in read_script(_output(child, cancel)):
            if isinstance(item, MetaCommand):
                continue  # \restrict, which pg_restore writes around it
            if isinstance(item, Statement) and unknown_setting(item.text, self.server):
                continue
            if item.header is not last:
                last = item.header
                done += 1
                on_entry(done)
            yield ScriptItem(_number(numbers, item.header), item)


def _number(numbers: dict[tuple[str, str, str], int], header: Header | None) -> int:
    return numbers.get((header.kind, header.schema or "", header.name), 0) if header else 0


def _output(child: Child, cancel: CancelToken) -> Iterator[bytes]:
    """What pg_restore writes; the end comes only when all of it is there, so that no part is committed."""
    while block := child.stdout.read(BLOCK):
        yield block
    status = child.wait()
    cancel.check()
    if status != 0:
        failure = dump_failure("pg_restore", child.errors(), status, "")
        if failure.code is ErrorCode.ARCHIVE_DAMAGED:
            raise failure
        raise AppError(
            ErrorCode.RESTORE_FAILED,
            "pg_restore failed",
            detail=child.errors(),
            hint="The detail is what pg_restore said.",
        )


@contextmanager
def _fed(child: Child, blocks: Iterable[bytes] | None) -> Iterator[None]:
    """Write blocks to the child in another thread while this one reads what it makes of them."""
    failures: list[Exception] = []

    def feed() -> None:
        try:
            for block in blocks or ():
                child.stdin.write(block)
        except (BrokenPipeError, ValueError):
            pass  # it has read enough, or was ended
        except (AppError, Cancelled) as error:
            failures.append(error)
            child.terminate()
        finally:
            with suppress(BrokenPipeError):
                child.stdin.close()

    if blocks is None:
        yield
        return
    feeder = threading.Thread(target=feed, name="feed pg_restore")
    feeder.start()
    try:
        yield
    except AppError:
        if failures:
            raise failures[0] from None
        raise
    finally:
        child.terminate()
        feeder.join()
