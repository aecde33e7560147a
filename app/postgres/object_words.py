"""Takes the kind and the name of an object, and roles, off a statement, as pg_dump's entries write them."""

from __future__ import annotations

from app.postgres.statement_words import Kind, Words

_RELATIONS = {
    "table": "TABLE",
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
    "foreign table": "FOREIGN TABLE",
    "sequence": "SEQUENCE",
    "index": "INDEX",
}
_ROUTINES = {
    "function": "FUNCTION",
    "procedure": "PROCEDURE",
    "aggregate": "AGGREGATE",
    "routine": "FUNCTION",
}
_OTHERS = {
    "type": "TYPE",
    "domain": "DOMAIN",
    "schema": "SCHEMA",
    "extension": "EXTENSION",
    "collation": "COLLATION",
    "conversion": "CONVERSION",
    "statistics": "STATISTICS",
    "publication": "PUBLICATION",
    "subscription": "SUBSCRIPTION",
    "server": "SERVER",
    "language": "PROCEDURAL LANGUAGE",
    "procedural language": "PROCEDURAL LANGUAGE",
    "database": "DATABASE",
    "tablespace": "TABLESPACE",
    "role": "ROLE",
    "user": "ROLE",
    "group": "ROLE",
    "event trigger": "EVENT TRIGGER",
    "foreign data wrapper": "FOREIGN DATA WRAPPER",
    "access method": "ACCESS METHOD",
    "text search configuration": "TEXT SEARCH CONFIGURATION",
    "text search dictionary": "TEXT SEARCH DICTIONARY",
    "text search parser": "TEXT SEARCH PARSER",
    "text search template": "TEXT SEARCH TEMPLATE",
    "operator class": "OPERATOR CLASS",
    "operator family": "OPERATOR FAMILY",
    "large object": "BLOB",
}
ON_A_TABLE = {"trigger": "TRIGGER", "policy": "POLICY", "rule": "RULE", "constraint": "CONSTRAINT"}
_SPECIAL = {"operator": "OPERATOR", "cast": "CAST", "transform": "TRANSFORM", "user mapping": "USER MAPPING"}
TYPES = (
    _RELATIONS | _ROUTINES | _OTHERS | ON_A_TABLE | _SPECIAL | {"column": "COLUMN", "parameter": "PARAMETER"}
)
"""What statements call a kind of object, and what pg_dump does."""
_NOBODY = frozenset(("public", "current_user", "current_role", "session_user"))
_MOST_ROLES = 10_000


def object_type(words: Words) -> str:
    """Take `table`, `materialized view`, `text search configuration` …; empty where it is none."""
    for length in (3, 2, 1):
        parts = [words.peek(number) for number in range(length)]
        written = " ".join(part.text for part in parts if part.kind is Kind.WORD)
        if written in TYPES and all(part.kind is Kind.WORD for part in parts):
            for _ in parts:
                words.next()
            return written
    return ""


def object_named(words: Words, written: str) -> tuple[str, str]:
    """Schema and tag of an object of a type."""
    if written in _ROUTINES:
        schema, name = words.name()
        return schema, name + words.parentheses()
    if written == "cast":
        return "", f"CAST {words.parentheses()}"
    if written == "transform":
        words.take("for")
        return "", f"FOR {words.name()[1]}"
    if written == "operator":
        schema = ""
        while words.peek().kind in (Kind.WORD, Kind.NAME):
            schema = words.next().text
            words.take(".")
        sign = ""
        while words.peek().kind is Kind.SIGN and words.peek().text not in "();":
            sign += words.next().text
        return schema, sign
    if written == "large object":
        return "", f"{words.next().text}"
    if written == "role" and words.peek().kind is Kind.STRING:
        return "", words.next().text
    return words.name()


def take_role(words: Words) -> str:
    """Take a role; SET SESSION AUTHORIZATION may have it in single quotes."""
    words.take("group")
    token = words.peek()
    return words.next().text if token.kind in (Kind.WORD, Kind.NAME, Kind.STRING) else ""


def take_roles(words: Words) -> tuple[str, ...]:
    """Take roles with commas between them; those that `known_roles` gives."""
    found = {take_role(words): None}
    while words.take(","):
        role = take_role(words)
        if len(found) < _MOST_ROLES:
            found[role] = None
    return known_roles(*found)


def known_roles(*roles: str) -> tuple[str, ...]:
    """Those that are roles of the server, and not PUBLIC or whoever acts."""
    return tuple(role for role in roles if role and role not in _NOBODY)


def names_type(words: Words) -> bool:
    """Whether a GRANT names the type of the object: `ON table t`, but `ON t`."""
    following = words.peek(1)
    return following.kind in (Kind.WORD, Kind.NAME) and following.text not in ("to", "from")
