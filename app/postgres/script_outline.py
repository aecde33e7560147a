"""Says what a SQL script of any origin holds, in one pass and without running any of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_entry import Entry
from app.postgres.cluster_script import PlacedItem, placed_items, setting_encoding
from app.postgres.copy_stream import StreamDigest
from app.postgres.danger_words import DEFINES
from app.postgres.role_statements import RoleDefinitions
from app.postgres.script import CopyBlock, Inserts, MetaCommand, Statement
from app.postgres.script_calls import Calls
from app.postgres.script_dangers import (
    MOST_NOTES,
    Danger,
    Severity,
    danger_of_command,
    dangers_of_statement,
    may_be_dangerous,
)
from app.postgres.script_ends import ScriptEnds
from app.postgres.script_entries import MOST_ENTRIES, Drafts
from app.postgres.script_removals import Removal, removals_of
from app.postgres.script_touches import Touch, only_table, touches_of
from app.postgres.shown_text import shortened
from app.postgres.statement_subject import SETTING

_REPLICATION_ROLE = re.compile(rb"session_replication_role\b", re.IGNORECASE)
_ALONE = re.compile(
    rb"(?:(?:create|drop)\s+(?:unique\s+)?index\s+concurrently|reindex\b.*\bconcurrently|vacuum|rollback(?!\s+to)"
    rb"|abort|(?:create|drop)\s+tablespace|alter\s+system|(?:create|drop)\s+subscription|prepare\s+transaction"
    rb"|(?:commit|rollback)\s+prepared|alter\s+table\b.*\bdetach\s+partition\b.*\bconcurrently|discard\s+all"
    rb"|reindex\s+(?:\(.*?\)\s*)?(?:database|system|schema)|cluster\s*;)\b",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_OF_STATEMENT = 400
_RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"})


@dataclass(frozen=True, slots=True)
class Note:
    """A statement that matters by itself: its line, its entry and its beginning."""

    line: int
    dump_id: int
    statement: str


@dataclass(frozen=True, slots=True)
class ScriptOutline:
    """What a script holds.

    Attributes:
        entries: of the chosen database (see `outline_script`), in the script's order.
        streams: rows and bytes by dump id, where they can be told; INSERTs have no hash.
        encoding: the client encoding that it sets, PostgreSQL's name.
        databases: of a script for a whole server, in order; empty for a script of one database.
        empty_databases: those of them that hold nothing but settings.
        created_database: of a script for one database, the name that it creates or connects to.
        parts: what `script_items` needs to give the items of these entries.
        dangers: at most 1000 of each severity; meta-commands of the whole script, others of the chosen
            database.
        removals: what it drops and which tables' rows it deletes, each once.
        not_in_transaction: statements that cannot run in a transaction block; at most 1000.
        roles: that it names as owners, grantees, members, and does not create itself.
        created_roles: that it creates.
        extensions: that it creates.
        is_complete: whether it ends as pg_dump or pg_dumpall ends it, or was made by neither.
        is_cluster: whether pg_dumpall made it, or it connects to several databases.
        sets_replication_role: whether it switches triggers and foreign keys off by itself.
        server_version, dump_version: as pg_dump noted them; empty otherwise.
        statements: how many it holds, settings included.
        role_definitions: the roles that it makes, whichever database is chosen.
        touches: what it changes of tables, views and sequences that it did not create before; each once.
    """

    entries: tuple[Entry, ...]
    streams: dict[int, StreamDigest]
    encoding: str
    databases: tuple[str, ...]
    empty_databases: frozenset[str]
    created_database: str
    parts: frozenset[str]
    dangers: tuple[Danger, ...]
    removals: tuple[Removal, ...]
    not_in_transaction: tuple[Note, ...]
    roles: frozenset[str]
    created_roles: frozenset[str]
    extensions: frozenset[str]
    is_complete: bool
    is_cluster: bool
    sets_replication_role: bool
    server_version: str
    dump_version: str
    statements: int
    touches: tuple[Touch, ...] = ()
    role_definitions: RoleDefinitions = field(default_factory=RoleDefinitions)


def outline_script(blocks: Iterable[bytes], *, database: str = "") -> ScriptOutline:
    """Read a script to its end.

    Args:
        blocks: the script, uncompressed.
        database: which one of a script for a whole server; empty means the part before the first
            database, which holds roles and tablespaces. A script of one database is read whole.

    Raises:
        AppError: ARCHIVE_DAMAGED when it ends in the middle of a statement; UNKNOWN_FORMAT when it
            holds too many objects, or a statement that is too large; INVALID_INPUT when it has no such
            database.
    """
    ends = ScriptEnds(blocks)
    outline = _Outline(ends)
    for placed in placed_items(ends, joins_inserts=True):
        outline.take(placed)
    return outline.finish(database)


class _Outline:
    """What was found so far."""

    def __init__(self, ends: ScriptEnds) -> None:
        self._ends = ends
        self._drafts = Drafts()
        self._databases: dict[str, bool] = {}
        self._dangers: list[tuple[str, Danger]] = []
        self._noted: Counter[tuple[str, Severity]] = Counter()
        self._removals: dict[tuple[str, Removal], None] = {}
        self._alone: list[tuple[str, Note]] = []
        self._roles: dict[str, set[str]] = {}
        self._created_roles: set[str] = set()
        self._encodings: dict[str, str] = {}
        self._encoding = ""
        self._calls: dict[str, Calls] = {}
        self._role_definitions = RoleDefinitions()
        self._relations: set[tuple[str, str, str]] = set()
        self._touches: dict[tuple[str, int, str, str, str], Touch] = {}
        self._statements = 0
        self._sets_replication_role: set[str] = set()
        self._created_database = ""

    def take(self, placed: PlacedItem) -> None:
        """Take the next item."""
        item = placed.item
        if isinstance(item, MetaCommand):
            self._take_command(item, placed)
            return
        self._statements += item.statements if isinstance(item, Inserts) else 1
        subject = placed.subject
        text = item.statement if isinstance(item, CopyBlock) else item.text
        is_insert = subject.kind == "TABLE DATA" and text[:6].lower() == b"insert"
        if is_insert and isinstance(item, Statement):
            self._look_at_inserts(item, placed)
        else:
            self._look_at(text, item, placed)
        if placed.dump_id:
            self._databases[placed.database] = True
            self._drafts.take(placed, item)

    def _take_command(self, item: MetaCommand, placed: PlacedItem) -> None:
        self._databases.setdefault(placed.database, False)
        if encoding := setting_encoding(item.text):
            self._set_encoding(encoding, placed)
        danger = danger_of_command(item.text, item.line, placed.codec)
        if danger:
            self._note("", danger)

    def _look_at_inserts(self, item: Statement, placed: PlacedItem) -> None:
        """A quick look at all of them, and a closer one only where that finds something."""
        calls = self._calls.get(placed.database)
        if may_be_dangerous(item.text) or (calls and calls.may_run(item.text)):
            for one in item.apart() if isinstance(item, Inserts) else (item,):
                if may_be_dangerous(one.text) or (calls and calls.may_run(one.text)):
                    self._note_dangers(one.text, one, placed)

    def _look_at(self, text: bytes, item: Statement | CopyBlock, placed: PlacedItem) -> None:
        subject = placed.subject
        self._note_dangers(text, item, placed)
        removals = removals_of(
            text,
            subject,
            placed.codec,
            schemas=placed.path,
            dump_id=placed.dump_id,
            standard_strings=item.standard_strings,
        )
        self._removals.update(dict.fromkeys((placed.database, one) for one in removals))
        if subject.kind == SETTING:
            if encoding := setting_encoding(text):
                self._set_encoding(encoding, placed)
            if _REPLICATION_ROLE.search(text, 0, _HEAD_OF_STATEMENT) and b"replica" in text.lower()[-20:]:
                self._sets_replication_role.add(placed.database)
        self._note_touches(text, item, placed)
        if subject.roles:
            self._roles.setdefault(placed.database, set()).update(subject.roles)
        if subject.kind in ("ROLE", "ROLE MEMBERSHIP"):
            standard = item.standard_strings
            self._role_definitions.take(text, subject, placed.codec, standard_strings=standard)
        if subject.kind == "ROLE" and subject.creates:
            self._created_roles.add(subject.tag)
        if subject.kind == "DATABASE" and subject.creates:
            self._created_database = self._created_database or subject.tag
        is_alone = _ALONE.match(text[:_HEAD_OF_STATEMENT])
        if is_alone and len(self._alone) < MOST_NOTES:
            self._alone.append((placed.database, Note(item.line, placed.dump_id, shortened(text))))

    def _set_encoding(self, encoding: str, placed: PlacedItem) -> None:
        self._encoding = encoding
        self._encodings.setdefault(placed.database, encoding)

    def _note_dangers(self, text: bytes, item: Statement | CopyBlock, placed: PlacedItem) -> None:
        dangers = dangers_of_statement(
            text,
            item.line,
            placed.subject,
            placed.codec,
            dump_id=placed.dump_id,
            standard_strings=item.standard_strings,
            in_cluster=not placed.database and self._ends.is_dumpall,
        )
        for danger in dangers:
            self._note(placed.database, danger)
        when_run = [(one.when_run, one.what.removeprefix(DEFINES)) for one in dangers if one.when_run]
        if when_run:
            self._calls.setdefault(placed.database, Calls()).define(placed.subject, when_run)
        if not (calls := self._calls.get(placed.database)):
            return
        standard = item.standard_strings
        for severity, what in calls.of_statement(
            text, placed.subject, placed.codec, standard_strings=standard
        ):
            self._note(placed.database, Danger(item.line, what, shortened(text), severity, placed.dump_id))

    def _note(self, database: str, danger: Danger) -> None:
        """Keep a danger; many harmless ones must not push out a grave one."""
        self._noted[database, danger.severity] += 1
        if self._noted[database, danger.severity] <= MOST_NOTES:
            self._dangers.append((database, danger))

    def _note_touches(self, text: bytes, item: Statement | CopyBlock, placed: PlacedItem) -> None:
        subject = placed.subject
        if subject.creates and subject.kind in _RELATIONS:
            self._relations.add((placed.database, subject.schema, subject.tag))
            return
        if (placed.database, subject.schema, only_table(text, subject)) in self._relations:
            return
        for touch in touches_of(
            text,
            subject,
            placed.codec,
            line=item.line,
            dump_id=placed.dump_id,
            standard_strings=item.standard_strings,
        ):
            key = placed.database, touch.dump_id, touch.what, touch.schema, touch.name
            is_own = (placed.database, touch.schema, touch.name) in self._relations
            if not is_own and len(self._touches) < MOST_ENTRIES:
                self._touches.setdefault(key, touch)

    def finish(self, database: str) -> ScriptOutline:
        """The outline of the chosen database."""
        names = tuple(name for name in self._databases if name)
        ends = self._ends
        is_cluster = ends.is_dumpall or len(names) > 1
        if database and database not in names:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                f"The script has no database “{database}”",
                detail=f"It has: {', '.join(names) or 'no names of databases at all'}.",
            )
        if database:
            parts = frozenset((database,))
        else:
            parts = frozenset(("",)) if is_cluster else frozenset(("", *names))
        drafts = list(self._drafts.of(parts))
        named = (self._roles, self._drafts.owners)
        roles = frozenset(role for by_part in named for part in parts for role in by_part.get(part, ()))
        encodings = [
            self._encodings[part] for part in (*names, "") if part in parts and part in self._encodings
        ]
        return ScriptOutline(
            entries=tuple(draft.entry() for draft in drafts),
            streams={draft.dump_id: draft.stream for draft in drafts if draft.stream is not None},
            encoding=encodings[0] if encodings else self._encoding or "UTF8",
            databases=names if is_cluster else (),
            empty_databases=frozenset(name for name in names if is_cluster and not self._databases[name]),
            created_database="" if is_cluster else self._created_database or "".join(names[:1]),
            parts=parts,
            dangers=tuple(
                danger for part, danger in self._dangers if danger.is_always_refused or part in parts
            ),
            removals=tuple(removal for part, removal in self._removals if part in parts),
            not_in_transaction=tuple(note for part, note in self._alone if part in parts),
            roles=roles - self._created_roles,
            created_roles=frozenset(self._created_roles),
            extensions=frozenset(draft.tag for draft in drafts if draft.kind == "EXTENSION"),
            is_complete=ends.is_complete,
            is_cluster=is_cluster,
            sets_replication_role=not parts.isdisjoint(self._sets_replication_role),
            server_version=ends.server_version,
            dump_version=ends.dump_version,
            statements=self._statements,
            role_definitions=self._role_definitions,
            touches=tuple(touch for key, touch in self._touches.items() if key[0] in parts),
        )
