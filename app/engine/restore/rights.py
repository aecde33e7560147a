"""Reads who gets which rights out of a dump's GRANTs, and what a target's defaults add to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from app.engine.restore.entry_graph import ROUTINES
from app.engine.restore.role_edits import STATEMENT
from app.postgres.archive_entry import Entry
from app.postgres.quoting import quote_identifier, signature_parts
from app.postgres.statement_words import Kind, Words
from app.postgres.target_facts import TargetFacts
from app.postgres.target_parts import PUBLIC

ALL = "ALL"
"""The right that has all others in it."""

_DEFAULTS_OF = {
    "TABLE": "r",
    "VIEW": "r",
    "MATERIALIZED VIEW": "r",
    "FOREIGN TABLE": "r",
    "SEQUENCE": "S",
    "FUNCTION": "f",
    "PROCEDURE": "f",
    "SCHEMA": "n",
}
_WORD = {"r": "TABLE", "S": "SEQUENCE", "f": "ROUTINE", "n": "SCHEMA"}

Rights = Mapping[str, frozenset[str]]


def granted(entries: Iterable[Entry]) -> Rights:
    """The rights that ACL entries give, by role; `PUBLIC` stands for all roles, columns' are `SELECT(a)`."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for statement in STATEMENT.findall(entry.definition):
            words = Words(statement.encode("utf-8", "surrogateescape"))
            if words.take("grant"):
                rights = set(_rights(words))
                for role in _grantees(words):
                    found[role] |= rights
    return {role: frozenset(rights) for role, rights in found.items()}


def is_closed(entries: Iterable[Entry]) -> bool:
    """Whether ACL entries take from PUBLIC what it has by itself: to run routines."""
    for entry in entries:
        for statement in STATEMENT.findall(entry.definition):
            words = Words(statement.encode("utf-8", "surrogateescape"))
            if words.take("revoke"):
                _rights(words)
                if PUBLIC in _grantees(words):
                    return True
    return False


def lacking(here: Rights, wanted: Rights) -> dict[str, tuple[str, ...]]:
    """What of `here` is not in `wanted`, by role; what everybody has, each has."""
    everybody = wanted.get(PUBLIC, frozenset())
    found = {}
    for role, rights in here.items():
        given = wanted.get(role, frozenset()) | everybody
        if missing := tuple(one for one in rights if not _is_in(one, given)):
            found[role] = tuple(sorted(missing))
    return found


def default_rights(entry: Entry, target: TargetFacts) -> Rights:
    """What other roles get on an object when the restoring role creates it."""
    kind = _DEFAULTS_OF.get(entry.kind)
    found: dict[str, frozenset[str]] = {}
    for one in target.default_rights:
        if one.kind == kind and one.schema in ("", entry.schema):
            found[one.role] = found.get(one.role, frozenset()) | frozenset(one.rights)
    if kind == "f":
        found.pop(PUBLIC, None)  # which may run routines anyway
    return found


def revoke(entry: Entry, roles: Iterable[str]) -> str:
    """The statement that takes all rights on an object from roles."""
    if entry.kind in ROUTINES:
        name, arguments = signature_parts(entry.tag)
        written = quote_identifier(name) + arguments
    else:
        written = quote_identifier(entry.tag)
    schema = f"{quote_identifier(entry.schema)}." if entry.schema else ""
    from_whom = ", ".join(PUBLIC if role == PUBLIC else quote_identifier(role) for role in roles)
    return f"REVOKE ALL ON {_WORD[_DEFAULTS_OF[entry.kind]]} {schema}{written} FROM {from_whom};"


def _is_in(right: str, given: frozenset[str]) -> bool:
    if ALL in given or right in given:
        return True
    name, column, _ = right.partition("(")
    return bool(column) and (name in given or f"{ALL}({right.partition('(')[2]}" in given)


def _rights(words: Words) -> list[str]:
    """`SELECT, INSERT (a, b)` up to ON, which is taken as well."""
    words.take("grant", "option", "for")
    found: list[str] = []
    while (token := words.next()).kind is Kind.WORD and token.text != "on":
        right = token.text.upper()
        if right == ALL:
            words.take("privileges")
        if words.peek() == (Kind.SIGN, "("):
            words.next()
            while (column := words.next()).kind is not Kind.END and column != (Kind.SIGN, ")"):
                if column.kind in (Kind.WORD, Kind.NAME):
                    found.append(f"{right}({column.text})")
        else:
            found.append(right)
        words.take(",")
    return found


def _grantees(words: Words) -> Iterator[str]:
    if not words.skip_to("to", "from"):
        return
    while True:
        words.take("group")
        token = words.next()
        if token.kind not in (Kind.WORD, Kind.NAME):
            return
        yield PUBLIC if token == (Kind.WORD, "public") else token.text
        if not words.take(","):
            return
