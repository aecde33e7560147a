"""Says which tables a SQL script changes without making them: what UPDATE, GRANT, CREATE POLICY, DO … name.

A script that was made by pg_dump changes its own tables alone. What others do to tables of the target, the
user should know. Functions are not looked into, because to define one runs nothing; DO blocks are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.postgres.statement_subject import OTHER, Subject
from app.postgres.statement_words import Kind, Token, Words

ALL_TABLES = "*"
"""Stands for the name of every table of a schema."""

_DEEPEST = 4
_TABLES = frozenset({"table", "view", "sequence"})
_OF_TABLES = frozenset({"policy", "trigger", "rule"})
_NO_TABLES = frozenset(
    [
        *("schema", "function", "procedure", "routine", "type", "domain", "language", "database", "large"),
        *("foreign", "parameter", "tablespace"),
    ]
)
_NAMED_AS_REMOVALS = ("DELETE", "TRUNCATE", "DROP")
_MADE = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"})
_DEFINED = frozenset(
    [
        *("ACL", "POLICY", "TRIGGER", "RULE", "ROW SECURITY", "INDEX", "DEFAULT"),
        *("CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "DROP POLICY", "DROP TRIGGER", "DROP RULE"),
        *_MADE,
    ]
)
_NO_UPDATE = frozenset(["for", "on", "do", "or", "before", "after", "of", "key", "instead"])
_BEGIN = frozenset(["begin", "then", "else", "loop"])


@dataclass(frozen=True, slots=True)
class Touch:
    """A change of a table, a view or a sequence.

    Attributes:
        what: UPDATE, GRANT, CREATE POLICY …
        schema: not quoted; empty where the script leaves it to the search path.
        name: not quoted; `ALL_TABLES` for all of the schema.
        line: of the script, from 1.
        dump_id: the statement's entry.
    """

    what: str
    schema: str
    name: str
    line: int = 0
    dump_id: int = 0


def touches_of(
    statement: bytes, subject: Subject, codec: str, *, line: int, dump_id: int, standard_strings: bool
) -> Iterator[Touch]:
    """What one statement changes; nothing for those that make something new or fill it with rows."""
    if subject.kind == OTHER:
        if subject.tag.startswith(_NAMED_AS_REMOVALS):
            return
    elif subject.kind not in _DEFINED or (subject.creates and subject.kind in _MADE):
        return
    words = Words(statement, codec, standard_strings=standard_strings)
    for what, (schema, name) in _statements(words, 0) if subject.kind == OTHER else _definition(words):
        if name:
            yield Touch(what, schema, name, line, dump_id)


def only_table(statement: bytes, subject: Subject) -> str:
    """The one table that a statement is about, where its subject says so for sure; empty otherwise."""
    kind, words = subject.kind, subject.tag.split(" ")
    if kind in _MADE or kind == "ROW SECURITY":
        return subject.tag
    if kind == "ACL":
        is_one = len(words) == 2 and b"," not in statement.partition(b" ON ")[2]
        return words[1] if is_one and words[0] in ("TABLE", "SEQUENCE") else ""
    return words[0] if len(words) == 2 and kind in _DEFINED else ""


Named = tuple[str, tuple[str, str]]


def _statements(words: Words, depth: int) -> Iterator[Named]:
    """What statements change, one after the other; their strings and bodies may be statements, too."""
    begins, previous = True, Token(Kind.END, "")
    while (token := words.peek()).kind is not Kind.END:
        word = token.text if token.kind is Kind.WORD else ""
        if begins and word in ("alter", "create", "drop", "grant", "revoke"):
            yield from _definition(words)
            token = previous = Token(Kind.END, "")
        elif word in ("update", "delete", "insert", "merge", "truncate"):
            yield from _rows(words, previous.text)
            token = Token(Kind.WORD, word)
        else:
            words.next()
            if token.kind in (Kind.STRING, Kind.BODY) and depth < _DEEPEST and _may_change(token.text):
                inner = token.text.encode("utf-8", "surrogateescape")
                yield from _statements(Words(inner), depth + 1)
        begins = token == (Kind.SIGN, ";") or (token.kind is Kind.WORD and token.text in _BEGIN)
        previous = token


def _may_change(text: str) -> bool:
    lower = text.lower()
    return any(
        word in lower
        for word in ("update", "delete", "insert", "merge", "truncate", "alter", "create", "drop")
    ) or ("grant" in lower or "revoke" in lower)


def _rows(words: Words, before: str) -> Iterator[Named]:
    verb = words.next().text
    if verb == "update" and (before in _NO_UPDATE or words.peek() == (Kind.WORD, "set")):
        return
    if (verb == "delete" and not words.take("from")) or (
        verb in ("insert", "merge") and not words.take("into")
    ):
        return
    if verb == "truncate":
        words.take("table")
    words.take("only")
    yield verb.upper(), words.name()
    while verb == "truncate" and words.take(","):
        words.take("only")
        yield "TRUNCATE", words.name()


def _definition(words: Words) -> Iterator[Named]:
    verb = words.next().text
    if verb in ("grant", "revoke"):
        yield from _privileges(words, verb.upper())
        return
    while words.one_of(
        "or", "replace", "unique", "constraint", "materialized", "foreign", "temp", "temporary"
    ):
        pass
    kind = words.peek().text if words.peek().kind is Kind.WORD else ""
    if kind in _OF_TABLES:
        words.next()
        words.take("if", "exists")
        words.name()
        if words.skip_to("to" if kind == "rule" and verb == "create" else "on"):
            yield f"{verb.upper()} {kind.upper()}", words.name()
    elif kind == "index" and verb == "create":
        if words.skip_to("on"):
            words.take("only")
            yield "CREATE INDEX", words.name()
    elif kind in _TABLES and verb in ("alter", "drop"):
        words.next()
        words.take("if", "exists")
        words.take("only")
        yield f"{verb.upper()} {kind.upper()}", words.name()
        while verb == "drop" and words.take(","):
            yield f"DROP {kind.upper()}", words.name()


def _privileges(words: Words, verb: str) -> Iterator[Named]:
    if words.skip_to("on", "to", "from") != "on":
        return
    if words.take("all"):
        kind = words.next().text
        if kind in ("tables", "sequences") and words.take("in", "schema"):
            yield verb, (words.name()[1], ALL_TABLES)
            while words.take(","):
                yield verb, (words.name()[1], ALL_TABLES)
        return
    following = words.peek(1)
    names_kind = following.kind in (Kind.WORD, Kind.NAME) and following.text not in ("to", "from")
    if names_kind and words.peek().text in _NO_TABLES:
        return
    if names_kind:
        words.next()
    yield verb, words.name()
    while words.take(","):
        yield verb, words.name()
