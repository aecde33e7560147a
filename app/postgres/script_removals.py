"""Says what a SQL script removes from its database: objects that it drops, rows that it deletes.

What a function or a DO block drops while it runs cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.postgres.object_words import object_named, object_type
from app.postgres.statement_subject import Subject
from app.postgres.statement_words import Kind, Words

ROWS = "ROWS"
"""Kind of what TRUNCATE and DELETE remove."""
EVERYTHING = "OWNED"
"""Kind of DROP OWNED, which drops all objects of a role."""

_ON_A_TABLE = frozenset({"TRIGGER", "POLICY", "RULE", "CONSTRAINT"})
_NO_LIST = frozenset({"CAST", "TRANSFORM", "USER MAPPING", "OPERATOR CLASS", "OPERATOR FAMILY"})
_OF_SERVER = frozenset({"DATABASE", "TABLESPACE"})  # a restore never drops these


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that a script removes if it is there.

    Attributes:
        kind: as pg_dump names it; `ROWS`, `EVERYTHING`.
        name: not quoted; of a routine with its arguments as far as the script writes them.
        schemas: where it is looked for, in order; empty for the session's own search path, and for what is
            in no schema.
        table: of a trigger, a policy or a rule.
        cascades: takes along what needs it.
        only: of rows: those of partitions and children stay.
        dump_id: the entry of the statement.
    """

    kind: str
    name: str
    schemas: tuple[str, ...] = ()
    table: str = ""
    cascades: bool = False
    only: bool = False
    dump_id: int = 0


def removals_of(
    statement: bytes,
    subject: Subject,
    codec: str,
    *,
    schemas: tuple[str, ...],
    dump_id: int,
    standard_strings: bool,
) -> Iterator[Removal]:
    """What one statement removes; nothing for any that is no DROP, TRUNCATE or DELETE.

    Args:
        statement: as `read_script` gives it.
        subject: what it is about.
        schemas: the search path where it stands; empty for the session's own.
    """
    is_drop = subject.kind.startswith("DROP ")
    if not is_drop and not (subject.kind == "SQL" and subject.tag.startswith(("TRUNCATE", "DELETE"))):
        return
    kind = subject.kind.removeprefix("DROP ") if is_drop else ROWS
    if kind in _OF_SERVER or kind in _NO_LIST:
        return
    words = Words(statement, codec, standard_strings=standard_strings)
    words.next()
    if kind == EVERYTHING:
        yield Removal(kind, "", dump_id=dump_id)
        return
    names = list(_dropped(words, kind) if is_drop else _emptied(words))
    cascades = any(token == (Kind.WORD, "cascade") for token in words)
    for schema, name, table, only in names:
        places = (schema,) if schema else schemas
        yield Removal(kind, name, places, table, cascades, only, dump_id)


_Named = tuple[str, str, str, bool]


def _dropped(words: Words, kind: str) -> Iterator[_Named]:
    written = object_type(words)
    words.take("concurrently")
    words.take("if", "exists")
    if kind in _ON_A_TABLE:
        name = words.name()[1]
        words.take("on")
        schema, table = words.name()
        yield schema, name, table, False
        return
    while True:
        schema, name = object_named(words, written)
        if name:
            yield schema, name, "", False
        if not words.take(","):
            return


def _emptied(words: Words) -> Iterator[_Named]:
    words.one_of("from", "table")
    while True:
        only = bool(words.one_of("only"))
        is_in_parentheses = only and words.take("(")
        schema, name = words.name()
        if name:
            yield schema, name, "", only
        if is_in_parentheses:
            words.take(")")
        words.take("*")
        if not words.take(","):
            return
