"""Reads how scripts make roles, and says with which statements those that a server lacks are made.

Roles belong to a whole server, so a restore into one database makes none. The statements hold no passwords;
what would give power over the whole server stands in a comment, to be decided by whoever runs them. Source:
https://www.postgresql.org/docs/current/sql-createrole.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from app.postgres.quoting import quote_identifier, quote_literal
from app.postgres.statement_subject import Subject
from app.postgres.statement_words import Kind, Token, Words

_ORDINARY = ("login", "noinherit", "createdb")
_POWERFUL = ("superuser", "createrole", "replication", "bypassrls")
_OTHERWISE = {"nologin": "login", "inherit": "noinherit"} | {
    f"no{word}": word for word in ("createdb", *_POWERFUL)
}
_POWERFUL_ROLES = frozenset(
    [
        *("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_read_all_data"),
        *("pg_write_all_data", "pg_create_subscription", "pg_maintain", "pg_signal_backend", "pg_checkpoint"),
    ]
)
_OPTIONS_SINCE = 16


@dataclass(frozen=True, slots=True)
class Membership:
    """That `member` is a member of `role`; `options` as the script writes them, in lower case."""

    role: str
    member: str
    options: tuple[str, ...] = ()


@dataclass(slots=True)
class RoleDefinitions:
    """The roles that scripts make, by name, with their attributes; who is a member of which; their settings.

    `settings` has the statements as the scripts write them, by role and name of the setting.
    """

    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    memberships: dict[Membership, None] = field(default_factory=dict)
    settings: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, statement: bytes, subject: Subject, codec: str, *, standard_strings: bool) -> None:
        """Take note of a statement about roles."""
        words = Words(statement, codec, standard_strings=standard_strings)
        if subject.kind == "ROLE" and (subject.creates or subject.tag in self.attributes):
            words.next()
            words.next()
            words.next()
            if words.take("set"):
                setting = ".".join(filter(None, words.name()))
                self.settings[subject.tag, setting] = statement.decode(codec, "surrogateescape").strip()
                return
            _read_attributes(words, self.attributes.setdefault(subject.tag, {}))
        elif subject.kind == "ROLE MEMBERSHIP" and words.take("grant"):
            self.memberships |= dict.fromkeys(_memberships(words))

    def add(self, other: RoleDefinitions) -> None:
        """Take over what another script makes."""
        self.attributes = other.attributes | self.attributes
        self.memberships |= other.memberships
        self.settings = other.settings | self.settings

    def statements(self, missing: Collection[str], there: Collection[str], major: int) -> tuple[str, ...]:
        """What makes the missing roles, and those that they need; of roles that are not known only the name.

        Args:
            missing: roles that are wanted.
            there: those that the server has.
            major: the server's version.
        """
        wanted = dict.fromkeys(sorted(missing))
        for role in tuple(wanted):
            wanted |= dict.fromkeys(self._needed(role, there))
        lines = [line for role in wanted for line in _creation(role, self.attributes.get(role, {}))]
        for one in self.memberships:
            if one.member in wanted and (one.role in wanted or one.role in there):
                text = membership_statement(one, major)
                lines.append(f"-- if you trust it with that: {text}" if one.role in _POWERFUL_ROLES else text)
        return tuple(lines)

    def _needed(self, role: str, there: Collection[str]) -> Iterator[str]:
        """The roles that one is a member of, at any distance, that the source makes and the server lacks."""
        pending, seen = [role], set(there)
        while pending:
            role = pending.pop()
            seen.add(role)
            for one in self.memberships:
                if one.member == role and one.role not in seen and one.role in self.attributes:
                    pending.append(one.role)
                    yield one.role


def _read_attributes(words: Words, found: dict[str, str]) -> None:
    while (token := words.next()).kind is not Kind.END:
        word = token.text if token.kind is Kind.WORD else ""
        if word in ("set", "reset", "rename", "in"):
            return
        if word == "password":
            words.next()
        elif word in (*_ORDINARY, *_POWERFUL):
            found[word] = word.upper()
        elif word in _OTHERWISE:
            found.pop(_OTHERWISE[word], None)
        elif word == "connection" and words.take("limit"):
            sign = "-" if words.take("-") else ""
            found["limit"] = f"CONNECTION LIMIT {sign}{_number(words.next())}"
        elif word == "valid" and words.take("until"):
            found["valid"] = f"VALID UNTIL {quote_literal(words.next().text)}"


def _number(token: Token) -> str:
    return token.text if token.text.isdecimal() else "0"


def _memberships(words: Words) -> Iterator[Membership]:
    roles = list(_names(words))
    if not words.take("to"):
        return
    members = list(_names(words))
    options: list[str] = []
    if words.take("with"):
        while (token := words.next()).kind is Kind.WORD or token.text == ",":
            if token.text in ("granted", "admin") and token.text == "granted":
                break
            options.append(token.text)
    for role in roles:
        for member in members:
            yield Membership(role, member, tuple(option for option in options if option != ","))


def _names(words: Words) -> Iterator[str]:
    yield words.name()[1]
    while words.take(","):
        yield words.name()[1]


def _creation(role: str, attributes: Mapping[str, str]) -> Iterator[str]:
    name = quote_identifier(role)
    ordinary = [text for word, text in attributes.items() if word not in _POWERFUL]
    powerful = [text for word, text in attributes.items() if word in _POWERFUL]
    yield f"CREATE ROLE {' '.join((name, *ordinary))};"
    if powerful:
        yield f"-- if you trust it with that: ALTER ROLE {' '.join((name, *powerful))};"


def membership_statement(one: Membership, major: int) -> str:
    """The statement that makes a role a member of another, for a server of that major version."""
    return f"GRANT {quote_identifier(one.role)} TO {quote_identifier(one.member)}{_options(one, major)};"


def _options(one: Membership, major: int) -> str:
    words = one.options
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if major < _OPTIONS_SINCE:
        is_admin = any(name == "admin" and value in ("option", "true") for name, value in pairs)
        return " WITH ADMIN OPTION" if is_admin else ""
    kept = [
        f"{name.upper()} {value.upper()}"
        for name, value in pairs
        if name in ("admin", "inherit", "set") and value in ("option", "true", "false")
    ]
    return f" WITH {', '.join(kept)}" if kept else ""


def joined(definitions: Iterable[RoleDefinitions]) -> RoleDefinitions:
    """What several scripts make together."""
    everything = RoleDefinitions()
    for one in definitions:
        everything.add(one)
    return everything
