"""Loads SQL scripts, one after the other in one session, changed as the plan says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from app.domain.restore import RestoreFailure, RestoreMode
from app.engine.remedies import remedy_for_restore
from app.engine.restore.default_rights import with_revokes
from app.engine.restore.plan import PreparedRestore
from app.engine.restore.project_rows import keeping_still
from app.engine.restore.source import NEXT_SCRIPT, RestoreSource
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.cluster_script import script_items
from app.postgres.connection import Connection, Session
from app.postgres.dump_files import script_blocks
from app.postgres.quoting import encode_sql, quote_literal, quote_qualified
from app.postgres.script import CopyBlock, MetaCommand, Statement, read_script
from app.postgres.script_archive import ScriptItem, is_owner_change
from app.postgres.script_run import ScriptRun, run_script
from app.postgres.script_trio import TrioRole, trio_role
from app.postgres.unknown_settings import unknown_setting
from app.system.cancellation import CancelToken

_AFTER_ROWS = frozenset(
    [
        *("INDEX", "INDEX ATTACH", "CONSTRAINT", "FK CONSTRAINT", "STATISTICS", "TRIGGER", "RULE", "POLICY"),
        *("EVENT TRIGGER", "PUBLICATION", "PUBLICATION TABLE", "SUBSCRIPTION"),
        "MATERIALIZED VIEW DATA",
    ]
)
_DROPS = re.compile(
    rb"DROP\s+(?!OWNED\b)|ALTER\s+(?:FOREIGN\s+)?TABLE\s[^;']*?\sDROP\s+(?:CONSTRAINT|COLUMN|DEFAULT)\b",
    re.IGNORECASE,
)
_DROP = re.compile(
    rb"(\bDROP\s++(?>MATERIALIZED\s+VIEW|FOREIGN\s+(?:TABLE|DATA\s+WRAPPER)|EVENT\s+TRIGGER|ACCESS\s+METHOD"
    rb"|TEXT\s+SEARCH\s+\w+|OPERATOR\s+(?:CLASS|FAMILY)|USER\s+MAPPING|PROCEDURAL\s+LANGUAGE|[A-Z]+)\s++)"
    rb"(?!IF\s+EXISTS\b|CONCURRENTLY\b)",
    re.IGNORECASE,
)
_ALTER_TABLE = re.compile(
    rb"(^ALTER\s+(?:FOREIGN\s+)?TABLE\s+)(?!IF\s+EXISTS\b)(?=[^;']*?\sDROP\s)", re.IGNORECASE
)
_TABLESPACE = re.compile(rb"SET\s+default_tablespace\b", re.IGNORECASE)
_ACCESS_METHOD = re.compile(rb"SET\s+default_table_access_method\b", re.IGNORECASE)

_REPLICATION_ROLE = re.compile(rb"SET\s+(?:SESSION\s+|LOCAL\s+)?session_replication_role\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ScriptLoader:
    """Loads the scripts of a source; `server` is the target's major version."""

    source: RestoreSource
    prepared: PreparedRestore
    server: int

    def load(
        self,
        connection: Connection,
        cancel: CancelToken,
        on_entry: Callable[[int], None],
        close: Callable[[Session], None] = lambda _: None,
    ) -> tuple[RestoreFailure, ...]:
        """Run the plan's entries; gives those that failed, where the plan goes on after errors.

        Raises:
            AppError: RESTORE_FAILED at the first error otherwise, and as `run_script` does.
            Cancelled: `cancel` was set.
        """
        mode = self.prepared.plan.mode
        stands_alone = any(outline.not_in_transaction for outline in self.source.outlines)
        seen: set[int] = set()

        def on_item(_: int, dump_id: int) -> None:
            if dump_id not in seen:
                seen.add(dump_id)
                on_entry(len(seen))

        codec = python_codec(self.source.outlines[0].encoding)
        run = run_script(
            keeping_still(with_revokes(self._items(cancel), self.prepared.revokes, codec), self.prepared),
            connection,
            self.source.outlines[0].encoding,
            one_transaction=mode is RestoreMode.ONE_TRANSACTION
            or (mode is RestoreMode.NEW_DATABASE and not stands_alone),
            goes_on=mode is RestoreMode.PARALLEL,
            on_item=on_item,
            closing=close if mode is RestoreMode.ONE_TRANSACTION else None,
            cancel=cancel,
        )
        return failures_of(run, self.prepared.entries)

    def _items(self, cancel: CancelToken) -> Iterator[ScriptItem]:
        """What is run, in order."""
        kept = {entry.dump_id: entry for entry in self.prepared.entries}
        edited = self._edited(kept)
        for drop in self.prepared.drops:
            yield _statement(drop)
        scripts = [self._of_script(number, kept, edited, cancel) for number in range(len(self.source.dumps))]
        roles = [trio_role(outline) for outline in self.source.outlines] if len(scripts) > 1 else []
        if roles[-2:] == [TrioRole.SCHEMA, TrioRole.DATA]:
            rows = scripts.pop()
            scripts += [_rows_before_keys(scripts.pop(), rows, kept), _refreshed(kept)]
        for script in scripts:
            yield from script

    def _of_script(
        self,
        number: int,
        kept: Mapping[int, Entry],
        edited: Mapping[int, tuple[Statement, ...]],
        cancel: CancelToken,
    ) -> Iterator[ScriptItem]:
        dump, outline = self.source.dumps[number], self.source.outlines[number]
        done: set[int] = set()
        encoding = f"SET client_encoding = {quote_literal(outline.encoding)};"
        yield _statement(encoding)
        for found in script_items(script_blocks(dump, cancel.check), outline.parts):
            item, dump_id = found.item, found.dump_id
            if dump_id == 0:
                if isinstance(item, MetaCommand) or self._is_wanted_setting(item):
                    yield found
                continue
            dump_id += number * NEXT_SCRIPT
            entry = kept.get(dump_id)
            if entry is None or (isinstance(item, Statement) and self._drops_owner(entry, item)):
                continue
            if dump_id in edited and isinstance(item, Statement):
                if dump_id not in done:
                    done.add(dump_id)
                    yield from (ScriptItem(dump_id, one) for one in edited[dump_id])
                continue
            if isinstance(item, Statement):
                item = replace(item, text=_if_exists(item.text))
            yield ScriptItem(dump_id, item)

    def _edited(self, kept: dict[int, Entry]) -> dict[int, tuple[Statement, ...]]:
        """The statements of entries that the plan changes."""
        codec = python_codec(self.source.outlines[0].encoding)
        changed: dict[int, tuple[Statement, ...]] = {}
        for entry in self.source.entries:
            new = kept.get(entry.dump_id)
            if new is not None and new.definition != entry.definition:
                text = f"{new.definition}\n".encode(codec, "surrogateescape")
                changed[entry.dump_id] = tuple(i for i in read_script([text]) if isinstance(i, Statement))
        return changed

    def _drops_owner(self, entry: Entry, item: Statement) -> bool:
        return (self.prepared.drops_owners or not entry.owner) and is_owner_change(item.text)

    def _is_wanted_setting(self, item: Statement | CopyBlock) -> bool:
        if isinstance(item, CopyBlock):
            return True
        text = item.text
        return not (
            unknown_setting(text, self.server)
            or (self.prepared.drops_tablespaces and _TABLESPACE.match(text))
            or (self.prepared.drops_access_methods and _ACCESS_METHOD.match(text))
            or (self.prepared.is_rows_alone and _REPLICATION_ROLE.match(text))
        )


def _if_exists(statement: bytes) -> bytes:
    """A DROP that does not mind when there is nothing to drop, as after `pg_dump --clean`."""
    if not _DROPS.match(statement):
        return statement
    text = _DROP.sub(rb"\1IF EXISTS ", statement, count=1)
    return _ALTER_TABLE.sub(rb"\1IF EXISTS ", text, count=1)


def _rows_before_keys(
    definitions: Iterator[ScriptItem], rows: Iterator[ScriptItem], kept: Mapping[int, Entry]
) -> Iterator[ScriptItem]:
    """Definitions and rows that lie in two scripts, in the order of one.

    Rows come before the first key, index or trigger, as pg_dump has them in one script: triggers that
    always fire would change them, and keys that refer to each other would refuse them.
    """
    settings: list[ScriptItem] = []
    are_loaded = False
    for found in definitions:
        entry = kept.get(found.dump_id)
        if not are_loaded and entry is not None and entry.kind in _AFTER_ROWS:
            are_loaded = True
            yield from rows
            yield _statement("RESET ALL;")
            yield from settings
        if found.dump_id == 0:
            settings.append(found)
        yield found
    if not are_loaded:
        yield from rows


def _refreshed(kept: Mapping[int, Entry]) -> Iterator[ScriptItem]:
    """Fills materialized views, which definitions alone leave empty, in their order."""
    for number, entry in kept.items():
        if entry.kind == "MATERIALIZED VIEW":
            statement = f"REFRESH MATERIALIZED VIEW {quote_qualified(entry.schema, entry.tag)};"
            yield ScriptItem(number, Statement(encode_sql(statement), None, 0))


def _statement(text: str) -> ScriptItem:
    return ScriptItem(0, Statement(text.encode(), None, 0))


def failures_of(run: ScriptRun, entries: Iterable[Entry]) -> tuple[RestoreFailure, ...]:
    """The errors that a run went on after, by the entries that they belong to."""
    by_id = {entry.dump_id: entry for entry in entries}
    failures = []
    for error in run.errors:
        entry = by_id.get(error.dump_id)
        more = f" ({error.more:,} more statements of it failed)" if error.more else ""
        failures.append(
            RestoreFailure(
                kind=entry.kind if entry else "",
                name=qualified_name(entry) if entry else f"line {error.line}",
                statement=error.statement,
                cause=f"{error.message}{more}",
                remedy=error.hint or remedy_for_restore(error.message),
            )
        )
    return tuple(failures)
