"""Follows functions that do something dangerous from where a script defines them to where it runs them.

To define one is harmless; a SELECT, a CHECK of a table that gets rows, or an index runs it. Functions are
known by their names alone, whatever their schema and arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from app.postgres.danger_words import Severity
from app.postgres.statement_subject import Subject
from app.postgres.statement_words import Kind, Token, tokens

_ROUTINES = frozenset({"FUNCTION", "PROCEDURE", "AGGREGATE"})
_ONLY_NAMES = frozenset({"ACL", "COMMENT", "SECURITY LABEL", "OPERATOR", "CAST", "TYPE", "EXTENSION"})
_WAITS = frozenset({"TRIGGER", "RULE", "POLICY", "VIEW", "EVENT TRIGGER"})
"""What calls a function later, when something is done with its table."""
_WAKES = frozenset({"TABLE DATA", "SQL"})
_OF_TABLES = frozenset({"table", "into", "copy", "references", "exists"})
"""Behind one of these, a name in front of parentheses is a table's."""
_DEEPEST = 4


@dataclass(slots=True)
class Calls:
    """The dangerous functions of a script so far.

    Attributes:
        known: what each does when it runs, by name.
        waiting: those that a trigger, a view or the like calls.
    """

    known: dict[str, tuple[Severity, str]] = field(default_factory=dict)
    waiting: dict[str, None] = field(default_factory=dict)

    def define(self, subject: Subject, found: Collection[tuple[Severity, str]]) -> None:
        """Remember a function that does this when it runs."""
        if subject.kind in _ROUTINES and subject.creates and found:
            self.known.setdefault(subject.tag.partition("(")[0], min(found, key=lambda one: one[0].value))

    def may_run(self, insert: bytes) -> bool:
        """A quick look at INSERTs: False when they run none of them."""
        lower = insert.lower()
        named = (not name.isascii() or name.lower().encode() in lower for name in self.known)
        return bool(self.waiting) or b'u&"' in lower or any(named)

    def of_statement(
        self, statement: bytes, subject: Subject, codec: str, *, standard_strings: bool
    ) -> Iterator[tuple[Severity, str]]:
        """What a statement runs of these, each function once."""
        kind = subject.kind
        if not self.known or kind in _ONLY_NAMES or kind.startswith("DROP "):
            return
        if kind in _ROUTINES and not subject.creates:
            return
        called = dict.fromkeys(
            _called(tokens(statement, codec, standard_strings=standard_strings), self.known)
        )
        if kind in _ROUTINES:
            self.define(subject, [self.known[name] for name in called])
        elif kind in _WAITS:
            self.waiting |= called
        else:
            for name in (*called, *(self.waiting if kind in _WAKES else ())):
                severity, what = self.known[name]
                yield severity, f"runs {name}, which {what}"
            if kind in _WAKES:
                self.waiting.clear()


def _called(stream: Iterator[Token], names: Collection[str], depth: int = 0) -> Iterator[str]:
    lead = previous = Token(Kind.END, "")
    for token in stream:
        is_name = previous.kind in (Kind.WORD, Kind.NAME) and previous.text in names
        if is_name and token == (Kind.SIGN, "(") and lead.text not in _OF_TABLES:
            yield previous.text
        elif token.kind in (Kind.STRING, Kind.BODY) and depth < _DEEPEST and _mentions(token.text, names):
            yield from _called(tokens(token.text.encode("utf-8", "surrogateescape")), names, depth + 1)
        if token.kind in (Kind.WORD, Kind.NAME) and previous != (Kind.SIGN, "."):
            lead = previous
        previous = token


def _mentions(text: str, names: Collection[str]) -> bool:
    lower = text.lower()
    return 'u&"' in lower or any(name.lower() in lower for name in names)
