"""Names what a SQL script would do beyond the database that it is restored into.

Nothing here makes a restore safe by itself: meta-commands are never carried out in any case, and what
the server may be asked to do is up to its roles. A function that puts its SQL together when it runs
cannot be seen through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.postgres.cluster_script import connected_database, setting_encoding
from app.postgres.statement_subject import Subject
from app.postgres.statement_words import Kind, Token, tokens

_LONGEST = 200
_DEEPEST = 4
_ALLOWED_COMMAND = re.compile(
    rb"\\(?:un)?restrict[ \t]+[A-Za-z0-9]+[ \t]*|\\\."
    rb"|\\(?:echo|qecho|warn|timing|pset|x|t|a)\b[^\\`]*"  # they only change what psql shows
    rb"|\\set[ \t]+(?:ON_ERROR_STOP|ON_ERROR_ROLLBACK|ECHO|ECHO_HIDDEN|QUIET|VERBOSITY|SHOW_CONTEXT)\b[^\\`]*"
)
_SECRET = re.compile(r"(?i)\b(password|connection)(\s+|\s*'?\s*=\s*)(?:E?'(?:[^']|'')*'?|\"[^\"]*\"?)")
UNREADABLE = frozenset(("SJIS", "SHIFT_JIS_2004", "SHIFTJIS2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB"))
_TRUSTED = frozenset(
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
_SERVER_ROLES = frozenset(("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"))
_NEEDLES = (
    *(b"copy", b"program", b"filename", b"language", b"pg_", b"dblink", b"lo_import", b"lo_export", b"u&"),
    *(b"system", b"server", b"subscription", b"tablespace"),
)
"""One of these stands in every statement whose words matter; to look for them is a hundred times as fast."""
_FILE_EXTENSIONS = frozenset(("file_fdw", "adminpack"))
_TELLING_EXTENSIONS = frozenset(("dblink", "postgres_fdw"))
_UNTRUSTED_EXTENSION = re.compile(r"plperlu|pltclu|plpython\d*u|plsh|plr|pljavau?|hstore_pl(python\d*|perl)u")
_SERVER_KINDS = {
    "SERVER": "defines another server to connect to",
    "USER MAPPING": "keeps a sign-in for another server",
    "FOREIGN DATA WRAPPER": "defines a way to other servers or files",
    "IMPORT FOREIGN SCHEMA": "reads from another server",
    "SUBSCRIPTION": "makes the server copy from another one",
    "SYSTEM": "changes the settings of the whole server",
}
_DEFINED = frozenset(("SERVER", "USER MAPPING", "FOREIGN DATA WRAPPER"))
_PAIRS = {
    ("alter", "system"): "changes the settings of the whole server",
    ("create", "server"): _SERVER_KINDS["SERVER"],
    ("create", "subscription"): _SERVER_KINDS["SUBSCRIPTION"],
    ("create", "tablespace"): "keeps tables in a folder of the server",
}
_DESTROYS = frozenset({
    "DROP DATABASE", "DROP OWNED", "DROP SCHEMA", "DROP TABLE", "DROP MATERIALIZED VIEW", "DROP ROLE",
    "DROP EXTENSION", "DROP TYPE", "DROP SEQUENCE",
})  # fmt: skip


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
    """Defines something that would be dangerous when it is used."""


@dataclass(frozen=True, slots=True)
class Danger:
    """Something in a script that the user should know of before it runs.

    Attributes:
        line: of the script, from 1.
        what: what it does, in words.
        statement: its beginning.
        dump_id: the entry it belongs to; 0 for none.
    """

    line: int
    what: str
    statement: str
    severity: Severity
    dump_id: int = 0

    @property
    def is_always_refused(self) -> bool:
        """No option lets it pass."""
        return self.severity in (Severity.META_COMMAND, Severity.UNREADABLE)

    @property
    def is_refused_unless_allowed(self) -> bool:
        """It passes when the user allows access to the server."""
        return self.severity in (Severity.PROGRAM, Severity.FILE, Severity.SERVER)


def danger_of_command(command: bytes, line: int, codec: str = "utf-8") -> Danger | None:
    """The danger of a meta-command: any that dumps do not need."""
    if _ALLOWED_COMMAND.fullmatch(command) or connected_database(command, codec) is not None:
        return None
    encoding = setting_encoding(command)
    if encoding:
        return _unreadable(encoding, command, line)
    name = re.match(rb"\\[a-z]+|\\.?", command, re.IGNORECASE)
    what = f"psql's {name[0].decode('utf-8', 'replace') if name else ''}, a command for your own computer"
    if re.match(rb"\\c(?:onnect)?(?![a-z])", command):
        what = "it connects as somebody else, or to another server"
    return Danger(line, what, shortened(command), Severity.META_COMMAND)


def dangers_of_statement(
    statement: bytes,
    line: int,
    subject: Subject,
    codec: str = "utf-8",
    *,
    dump_id: int = 0,
    standard_strings: bool = True,
    in_cluster: bool = False,
) -> list[Danger]:
    """What is dangerous in one statement; each kind of thing once.

    Args:
        statement: as `read_script` gives it.
        line: of the script.
        subject: what it is about.
        codec: Python's, of its text.
        dump_id: its entry.
        standard_strings: whether backslashes in plain quotes are nothing special.
        in_cluster: whether it stands in the part of a script that is meant for a whole server, where
            superusers and tablespaces are nothing special.
    """
    is_insert = statement[:6].lower() == b"insert"
    if is_insert and not may_be_dangerous(statement):
        return []
    found = dict.fromkeys(_by_subject(statement, subject, codec, in_cluster=in_cluster))
    lower = statement.lower()
    if is_insert or any(needle in lower for needle in _NEEDLES):
        stream = tokens(statement, codec, standard_strings=standard_strings)
        found |= dict.fromkeys(_in_statement(stream, looks_into_strings=not is_insert))
    text = shortened(statement) if found else ""
    return [Danger(line, what, text, severity, dump_id) for severity, what in found]


def may_be_dangerous(insert: bytes) -> bool:
    """A quick look at an INSERT: False when nothing in it can be a danger."""
    lower = insert.lower()
    return (
        b"pg_" in lower
        or b"dblink" in lower
        or b"lo_import" in lower
        or b"lo_export" in lower
        or b'u&"' in lower
    )


def shortened(statement: bytes) -> str:
    """A statement's beginning on one line, without the values of an INSERT, passwords and connections."""
    text = " ".join(statement[: 4 * _LONGEST].decode("utf-8", "replace").split())
    if re.match(r"insert\b", text, re.IGNORECASE):
        text = re.sub(r"(?i)\bvalues\b.*", "VALUES …", text)
    text = _SECRET.sub(r"\1\2'…'", text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


Found = tuple[Severity, str]


def _by_subject(statement: bytes, subject: Subject, codec: str, *, in_cluster: bool) -> Iterator[Found]:
    kind, tag = subject.kind, subject.tag
    encoding = setting_encoding(statement) if kind == "SETTING" else ""
    if encoding in UNREADABLE:
        yield Severity.UNREADABLE, _unreadable_words(encoding)
    if kind in _SERVER_KINDS and (
        subject.creates or kind in ("SYSTEM", "IMPORT FOREIGN SCHEMA", "SUBSCRIPTION")
    ):
        yield Severity.DEFINES if kind in _DEFINED else Severity.SERVER, _SERVER_KINDS[kind]
    elif kind in _DESTROYS:
        yield Severity.DESTROYS, f"removes {kind.removeprefix('DROP ').lower()} {tag}".rstrip()
    elif kind == "SQL" and tag.startswith(("TRUNCATE", "DELETE")):
        yield Severity.DESTROYS, f"removes rows: {tag}"
    elif kind == "SQL" and tag == "LOAD":
        yield Severity.PROGRAM, "loads code into the server"
    elif kind == "TABLESPACE" and not in_cluster and subject.creates:
        yield Severity.FILE, _PAIRS["create", "tablespace"]
    elif kind == "EXTENSION":
        yield from _extension(tag)
    elif kind == "PROCEDURAL LANGUAGE" and subject.creates and tag not in _TRUSTED:
        yield Severity.PROGRAM, f"adds the language {tag}, whose functions may do anything on the server"
    elif kind in ("ROLE", "ROLE MEMBERSHIP") and not in_cluster:
        yield from _of_roles(statement, subject, codec)
    elif kind == "SETTING" and subject.roles:
        yield Severity.SERVER, f"acts as {subject.roles[0]} from there on"


def _of_roles(statement: bytes, subject: Subject, codec: str) -> Iterator[Found]:
    """Roles belong to the whole server, and to whoever else uses it."""
    words = {token.text for token in tokens(statement, codec) if token.kind in (Kind.WORD, Kind.NAME)}
    if words & _SERVER_ROLES:
        yield Severity.SERVER, "lets a role run programs or touch files on the server"
    elif subject.kind == "ROLE MEMBERSHIP":
        yield Severity.HINT, "makes a role of the whole server a member of another"
    elif words & {"superuser", "createuser"}:
        yield Severity.SERVER, f"makes {subject.tag} a superuser"
    elif "password" in words:
        yield Severity.SERVER, f"sets the password of {subject.tag}, a role of the whole server"


def _extension(name: str) -> Iterator[Found]:
    if name in _FILE_EXTENSIONS:
        yield Severity.FILE, f"the extension {name} reads and writes files of the server"
    elif _UNTRUSTED_EXTENSION.fullmatch(name):
        yield Severity.PROGRAM, f"the extension {name} lets functions do anything on the server"
    elif name in _TELLING_EXTENSIONS:
        yield Severity.HINT, f"the extension {name} can connect to other servers"


def _in_statement(stream: Iterator[Token], *, looks_into_strings: bool) -> Iterator[Found]:
    """What the words of a whole statement say, those in bodies of functions included."""
    first = next(stream, Token(Kind.END, ""))
    defines = first.text in ("create", "alter", "comment", "security", "prepare") and first.kind is Kind.WORD
    previous = first
    is_foreign_table = is_routine = False
    depth = 0
    copies = "copy" if first == (Kind.WORD, "copy") else ""
    for token in stream:
        word = token.text if token.kind is Kind.WORD else ""
        is_foreign_table |= defines and (previous.text, word) == ("foreign", "table")
        is_routine |= defines and word in ("function", "procedure")
        depth += (token == (Kind.SIGN, "(")) - (token == (Kind.SIGN, ")"))
        names_language = is_routine and not depth and previous == (Kind.WORD, "language")
        if token.kind in (Kind.STRING, Kind.BODY):
            if copies == "end":
                yield Severity.FILE, "reads or writes a file of the server"
            elif names_language:
                yield from _language(token.text)
            elif defines and is_routine:
                for _, what in _in_body(token.text, 0):
                    yield Severity.HINT, f"defines code that, when it runs, {what}"
            elif not defines and looks_into_strings:
                yield from _in_body(token.text, 0)
        elif names_language and token.kind in (Kind.WORD, Kind.NAME):
            yield from _language(token.text)
        elif copies == "end" and word == "program":
            yield Severity.PROGRAM, "runs a program on the server"
        elif is_foreign_table and word in ("program", "filename"):
            yield (
                Severity.PROGRAM if word == "program" else Severity.FILE,
                f"a table made of a {word} of the server",
            )
        elif token == (Kind.SIGN, "("):
            yield from _call(previous)
        copies = _copy_state(copies, token)
        previous = token


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


def _in_body(text: str, depth: int) -> Iterator[Found]:
    """What the words of a body or a string say that may be run as SQL."""
    if depth > _DEEPEST or not _may_matter(text):
        return
    copies = ""
    previous = Token(Kind.END, "")
    for token in tokens(text.encode("utf-8", "surrogateescape")):
        word = token.text if token.kind is Kind.WORD else ""
        if (previous.text, word) in _PAIRS:
            yield Severity.SERVER, _PAIRS[previous.text, word]
        if token.kind in (Kind.STRING, Kind.BODY):
            if copies == "end":
                yield Severity.FILE, "reads or writes a file of the server"
            else:
                yield from _in_body(token.text, depth + 1)
        elif copies == "end" and word == "program":
            yield Severity.PROGRAM, "runs a program on the server"
        elif token == (Kind.SIGN, "("):
            yield from _call(previous)
        elif word == "copy":
            copies = "copy"
        copies = "" if token == (Kind.SIGN, ";") else _copy_state(copies, token)
        previous = token


def _may_matter(text: str) -> bool:
    lower = text.lower()
    return any(
        needle in lower
        for needle in ("copy", "pg_", "dblink", "lo_import", "lo_export", "create", "alter", 'u&"')
    )


def _call(function: Token) -> Iterator[Found]:
    if function.kind not in (Kind.WORD, Kind.NAME):
        return
    name = function.text
    if name in _FILE_FUNCTIONS or name.startswith(_FILE_PREFIXES):
        yield Severity.FILE, f"{name} reaches files of the server"
    elif name == "dblink" or name.startswith("dblink_"):
        yield Severity.SERVER, f"{name} connects to another server"
    elif name in _SERVER_FUNCTIONS:
        yield Severity.SERVER, f"{name} acts on the whole server"


def _language(name: str) -> Iterator[Found]:
    if name.lower() not in _TRUSTED:
        yield Severity.PROGRAM, f"code in {name}, which may do anything on the server"


def _unreadable_words(encoding: str) -> str:
    return f"in {encoding} a quote may be half of a letter: convert the file to UTF-8"


def _unreadable(encoding: str, command: bytes, line: int) -> Danger | None:
    if encoding not in UNREADABLE:
        return None
    return Danger(line, _unreadable_words(encoding), shortened(command), Severity.UNREADABLE)
