"""Looks for what is dangerous among the words of a statement, in bodies of functions and in strings too."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from app.postgres.statement_words import Kind, Token, tokens

_DEEPEST = 4
TRUSTED = frozenset(
    ("sql", "plpgsql", "plperl", "pltcl", "plv8", "plcoffee", "plls", "pllua", "plrust", "pljs")
)
_FILE_FUNCTIONS = frozenset(
    ("pg_read_file", "pg_read_binary_file", "pg_stat_file", "lo_import", "lo_export", "pg_logdir_ls")
)
_FILE_PREFIXES = ("pg_ls_", "pg_file_")
_SERVER_FUNCTIONS = frozenset({
    "pg_reload_conf", "pg_rotate_logfile", "pg_terminate_backend", "pg_cancel_backend", "pg_promote",
    "pg_switch_wal", "pg_create_logical_replication_slot", "pg_create_physical_replication_slot",
    "pg_drop_replication_slot",
})  # fmt: skip
IDENTITIES = frozenset(("role", "session_authorization"))
_STARTS = frozenset((";", "begin", "then", "else", "loop"))
_MAY_MATTER = ("copy", "pg_", "dblink", "lo_import", "lo_export", "create", "alter", 'u&"', "set", "execute")
PAIRS = {
    ("alter", "system"): "changes the settings of the whole server",
    ("create", "server"): "defines another server to connect to",
    ("create", "subscription"): "makes the server copy from another one",
    ("create", "tablespace"): "keeps tables in a folder of the server",
}
_AS_ANOTHER = "acts as another role from there on"
DEFINES = "defines code that, when it runs, "
_PUT_TOGETHER = "runs SQL that it puts together itself, which nobody can look into"
_NOTHING = Token(Kind.END, "")


class Severity(StrEnum):
    """What kind of danger it is, which decides what becomes of it."""

    META_COMMAND = "meta-command"
    """For psql alone, on this computer: always refused."""
    UNREADABLE = "unreadable"
    """Text whose quotes cannot be told for sure: always refused."""
    PROGRAM = "program"
    """Runs a program or foreign code on the server: refused unless allowed."""
    FILE = "file"
    """Reads or writes files of the server: refused unless allowed."""
    SERVER = "server"
    """Reaches beyond the database, or changes who acts: refused unless allowed."""
    DEFINES = "defines"
    """Defines a way to another server, which nothing takes while the script runs: the user should know."""
    DESTROYS = "destroys"
    """Removes what the target may hold: the user should know."""
    HINT = "hint"
    """Defines something that would be dangerous when it is used, or cannot be looked into."""


class Found(NamedTuple):
    """A danger: what kind it is, what it does, and of code that is only defined, what it is when it runs."""

    severity: Severity
    what: str
    when_run: Severity | None = None


def in_statement(stream: Iterator[Token], *, looks_into_strings: bool) -> Iterator[Found]:
    """What the words of a whole statement say, those in bodies of functions included."""
    first = next(stream, _NOTHING)
    defines = first.text in ("create", "alter", "comment", "security", "prepare") and first.kind is Kind.WORD
    names_language = first == (Kind.WORD, "do")
    place = _Place("copy" if first == (Kind.WORD, "copy") else "", first)
    is_foreign_table = is_routine = False
    depth = 0
    for token in stream:
        word = token.text if token.kind is Kind.WORD else ""
        is_foreign_table |= defines and (place.previous.text, word) == ("foreign", "table")
        is_routine |= defines and word in ("function", "procedure")
        depth += (token == (Kind.SIGN, "(")) - (token == (Kind.SIGN, ")"))
        is_text = token.kind in (Kind.STRING, Kind.BODY)
        if (is_routine or names_language) and not depth and place.previous == (Kind.WORD, "language"):
            yield from _language(token.text)
        elif found := place.found(token):
            yield found
        elif is_foreign_table and word in ("program", "filename"):
            severity = Severity.PROGRAM if word == "program" else Severity.FILE
            yield Found(severity, f"a table made of a {word} of the server")
        elif is_text and is_routine:
            yield from _defined(token.text)
        elif is_text and not defines and looks_into_strings:
            yield from _in_body(token.text, 0)
        place.move(token)


def _defined(body: str) -> Iterator[Found]:
    for severity, what, _ in _in_body(body, 0):
        if severity is not Severity.HINT:
            yield Found(Severity.HINT, f"{DEFINES}{what}", severity)


def _in_body(text: str, depth: int) -> Iterator[Found]:
    """What the words of a body or a string say that may be run as SQL."""
    if depth > _DEEPEST or not _may_matter(text):
        return
    place = _Place("", Token(Kind.SIGN, ";"))
    is_setting = False
    for token in tokens(text.encode("utf-8", "surrogateescape")):
        word = token.text if token.kind is Kind.WORD else ""
        if what := PAIRS.get((place.previous.text, word)):
            yield Found(Severity.SERVER, what)
        if is_setting and word in ("role", "authorization", "session_authorization"):
            yield Found(Severity.SERVER, _AS_ANOTHER)
        begins = place.previous.text in _STARTS and place.previous.kind is not Kind.NAME
        is_setting = (begins and word == "set") or (is_setting and word in ("local", "session"))
        if place.puts_together(token):
            yield Found(Severity.HINT, _PUT_TOGETHER)
        if found := place.found(token):
            yield found
        elif token.kind in (Kind.STRING, Kind.BODY):
            yield from _in_body(token.text, depth + 1)
        if token == (Kind.SIGN, ";") or word == "copy":
            place.copies = word
        place.move(token)


class _Place:
    """Where one is among the words, as far as it decides what the next one means."""

    def __init__(self, copies: str, previous: Token) -> None:
        self.copies = copies
        self.previous = previous
        self._before = _NOTHING

    def found(self, token: Token) -> Found | None:
        """What the next word does: ends a COPY in a file or a program, or calls something."""
        if token.kind in (Kind.STRING, Kind.BODY):
            if self.copies == "end":
                return Found(Severity.FILE, "reads or writes a file of the server")
            if (self._before.text, self.previous.text) == ("set_config", "(") and (
                token.text.lower() in IDENTITIES
            ):
                return Found(Severity.SERVER, _AS_ANOTHER)
        elif self.copies == "end" and token == (Kind.WORD, "program"):
            return Found(Severity.PROGRAM, "runs a program on the server")
        elif token == (Kind.SIGN, "("):
            return _call(self.previous)
        return None

    def puts_together(self, token: Token) -> bool:
        """Whether the next word shows that EXECUTE is given more than one text."""
        if self.previous == (Kind.WORD, "execute"):
            return token.kind is not Kind.STRING and token.text not in ("function", "procedure")
        executes = self._before == (Kind.WORD, "execute") and self.previous.kind is Kind.STRING
        return executes and token == (Kind.SIGN, "|")

    def move(self, token: Token) -> None:
        """Go past a word."""
        self.copies = _copy_state(self.copies, token)
        self._before, self.previous = self.previous, token


def _copy_state(state: str, token: Token) -> str:
    """Where in a COPY one is: before FROM or TO, in parentheses before it, right behind it, past it."""
    if not state or state == "past":
        return state
    if state == "end":
        return "past"
    depth = state.count("(")
    if token.kind is Kind.SIGN and token.text in "()":
        return "copy" + "(" * max(0, depth + (1 if token.text == "(" else -1))
    return "end" if not depth and token.kind is Kind.WORD and token.text in ("from", "to") else state


def _may_matter(text: str) -> bool:
    lower = text.lower()
    return any(needle in lower for needle in _MAY_MATTER)


def _call(function: Token) -> Found | None:
    if function.kind not in (Kind.WORD, Kind.NAME):
        return None
    name = function.text
    if name in _FILE_FUNCTIONS or name.startswith(_FILE_PREFIXES):
        return Found(Severity.FILE, f"{name} reaches files of the server")
    if name == "dblink" or name.startswith("dblink_"):
        return Found(Severity.SERVER, f"{name} connects to another server")
    if name in _SERVER_FUNCTIONS:
        return Found(Severity.SERVER, f"{name} acts on the whole server")
    return None


def _language(name: str) -> Iterator[Found]:
    if name.lower() not in TRUSTED:
        yield Found(Severity.PROGRAM, f"code in {name}, which may do anything on the server")
