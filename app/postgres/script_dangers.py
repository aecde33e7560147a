"""Names what a SQL script would do beyond the database that it is restored into.

Nothing here makes a restore safe by itself: meta-commands are never carried out in any case, and what
the server may be asked to do is up to its roles. A function that puts its SQL together when it runs
cannot be seen through.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from app.postgres.cluster_script import connected_database, setting_encoding
from app.postgres.danger_words import IDENTITIES, PAIRS, TRUSTED, Found, Severity, in_statement
from app.postgres.shown_text import shortened
from app.postgres.statement_subject import Subject
from app.postgres.statement_words import Kind, tokens

__all__ = ["MOST_NOTES", "UNREADABLE", "Danger", "Severity", "danger_of_command", "dangers_of_statement"]

MOST_NOTES = 1000
"""How many dangers of a kind are noted."""
_ALLOWED_COMMAND = re.compile(
    rb"\\(?:un)?restrict[ \t]+[A-Za-z0-9]+[ \t]*|\\\."
    rb"|\\(?:echo|qecho|warn|timing|pset|x|t|a)\b[^\\`]*"  # they only change what psql shows
    rb"|\\set[ \t]+(?:ON_ERROR_STOP|ON_ERROR_ROLLBACK|ECHO|ECHO_HIDDEN|QUIET|VERBOSITY|SHOW_CONTEXT)\b[^\\`]*"
)
UNREADABLE = frozenset(("SJIS", "SHIFT_JIS_2004", "SHIFTJIS2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB"))
_SERVER_ROLES = frozenset(("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"))
_CODE_OF_ROLES = frozenset(
    ("session_preload_libraries", "local_preload_libraries", "dynamic_library_path", *IDENTITIES)
)
_WHOEVER = frozenset(("all", "current_user", "current_role", "session_user"))
_NEEDLES = (
    *(b"copy", b"program", b"filename", b"language", b"pg_", b"dblink", b"lo_import", b"lo_export", b"u&"),
    *(b"system", b"server", b"subscription", b"tablespace", b"set_config"),
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
_DESTROYS = frozenset({
    "DROP DATABASE", "DROP OWNED", "DROP SCHEMA", "DROP TABLE", "DROP MATERIALIZED VIEW", "DROP ROLE",
    "DROP EXTENSION", "DROP TYPE", "DROP SEQUENCE",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Danger:
    """Something in a script that the user should know of before it runs.

    Attributes:
        line: of the script, from 1.
        what: what it does, in words.
        statement: its beginning.
        dump_id: the entry it belongs to; 0 for none.
        when_run: of code that is only defined, what it would be if it ran.
    """

    line: int
    what: str
    statement: str
    severity: Severity
    dump_id: int = 0
    when_run: Severity | None = None

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
    if is_insert or subject.tag == "DO" or any(needle in lower for needle in _NEEDLES):
        stream = tokens(statement, codec, standard_strings=standard_strings, reads_strings=not is_insert)
        noted: Counter[Severity] = Counter()
        for one in in_statement(stream, looks_into_strings=not is_insert):
            noted[one.severity] += one not in found
            if noted[one.severity] <= MOST_NOTES:
                found[one] = None
    text = shortened(statement) if found else ""
    return [Danger(line, one.what, text, one.severity, dump_id, one.when_run) for one in found]


def may_be_dangerous(insert: bytes) -> bool:
    """A quick look at an INSERT: False when nothing in it can be a danger."""
    lower = insert.lower()
    return (
        b"pg_" in lower
        or b"dblink" in lower
        or b"lo_import" in lower
        or b"lo_export" in lower
        or b"set_config" in lower
        or b'u&"' in lower
    )


def _by_subject(statement: bytes, subject: Subject, codec: str, *, in_cluster: bool) -> Iterator[Found]:
    kind, tag = subject.kind, subject.tag
    encoding = setting_encoding(statement) if kind == "SETTING" else ""
    if encoding in UNREADABLE:
        yield Found(Severity.UNREADABLE, _unreadable_words(encoding))
    if kind in _SERVER_KINDS and (
        subject.creates or kind in ("SYSTEM", "IMPORT FOREIGN SCHEMA", "SUBSCRIPTION")
    ):
        yield Found(Severity.DEFINES if kind in _DEFINED else Severity.SERVER, _SERVER_KINDS[kind])
    elif kind in _DESTROYS:
        yield Found(Severity.DESTROYS, f"removes {kind.removeprefix('DROP ').lower()} {tag}".rstrip())
    elif kind == "SQL" and tag.startswith(("TRUNCATE", "DELETE")):
        yield Found(Severity.DESTROYS, f"removes rows: {tag}")
    elif kind == "SQL" and tag == "LOAD":
        yield Found(Severity.PROGRAM, "loads code into the server")
    elif kind == "TABLESPACE" and not in_cluster and subject.creates:
        yield Found(Severity.FILE, PAIRS["create", "tablespace"])
    elif kind == "EXTENSION":
        yield from _extension(tag)
    elif kind == "PROCEDURAL LANGUAGE" and subject.creates and tag not in TRUSTED:
        yield Found(
            Severity.PROGRAM, f"adds the language {tag}, whose functions may do anything on the server"
        )
    elif kind in ("ROLE", "ROLE MEMBERSHIP") and not in_cluster:
        yield from _of_roles(statement, subject, codec)
    elif kind == "SETTING" and subject.roles:
        yield Found(Severity.SERVER, f"acts as {subject.roles[0]} from there on")


def _of_roles(statement: bytes, subject: Subject, codec: str) -> Iterator[Found]:
    """Roles belong to the whole server, and to whoever else uses it."""
    listed = [token.text for token in tokens(statement, codec) if token.kind in (Kind.WORD, Kind.NAME)]
    words = set(listed)
    if words & _SERVER_ROLES:
        yield Found(Severity.SERVER, "lets a role run programs or touch files on the server")
    elif subject.kind == "ROLE MEMBERSHIP":
        yield Found(Severity.HINT, "makes a role of the whole server a member of another")
    elif words & {"superuser", "createuser"}:
        yield Found(Severity.SERVER, f"makes {subject.tag} a superuser")
    elif "password" in words:
        yield Found(Severity.SERVER, f"sets the password of {subject.tag}, a role of the whole server")
    elif not subject.creates and "set" in words:
        may_do_harm = _CODE_OF_ROLES.intersection(listed[listed.index("set") :]) or subject.tag in _WHOEVER
        whose = "every role" if subject.tag == "all" else f"the role {subject.tag}"
        what = f"changes how all sessions of {whose} begin, in every database of the server"
        yield Found(Severity.SERVER if may_do_harm else Severity.HINT, what)


def _extension(name: str) -> Iterator[Found]:
    if name in _FILE_EXTENSIONS:
        yield Found(Severity.FILE, f"the extension {name} reads and writes files of the server")
    elif _UNTRUSTED_EXTENSION.fullmatch(name):
        yield Found(Severity.PROGRAM, f"the extension {name} lets functions do anything on the server")
    elif name in _TELLING_EXTENSIONS:
        yield Found(Severity.HINT, f"the extension {name} can connect to other servers")


def _unreadable_words(encoding: str) -> str:
    return f"in {encoding} a quote may be half of a letter: convert the file to UTF-8"


def _unreadable(encoding: str, command: bytes, line: int) -> Danger | None:
    if encoding not in UNREADABLE:
        return None
    return Danger(line, _unreadable_words(encoding), shortened(command), Severity.UNREADABLE)
