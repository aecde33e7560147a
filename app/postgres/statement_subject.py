"""Says what one SQL statement is about, in the words that pg_dump uses for its entries.

Scripts that pg_dump did not write, or whose comments were stripped, have no headers: their statements
alone tell which objects they make.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.postgres.object_words import (
    ON_A_TABLE,
    TYPES,
    known_roles,
    names_type,
    object_named,
    object_type,
    take_role,
    take_roles,
)
from app.postgres.statement_words import Kind, Words

SETTING = "SETTING"
"""Kind of `SET …`, `RESET …` and `set_config`, which belong to the session and to no object."""
TRANSACTION = "TRANSACTION"
"""Kind of BEGIN, COMMIT and the like."""
OTHER = "SQL"
"""Kind of statements that make no object: UPDATE, DO, CALL, SELECT."""

_MODIFIERS = (
    *("or", "replace", "global", "local", "temp", "temporary", "unlogged", "unique", "recursive", "trusted"),
    "default",
)
_CLUSTER = frozenset(("ROLE", "TABLESPACE", "ROLE MEMBERSHIP", "PARAMETER"))
_BEGINS = ("begin", "commit", "end", "rollback", "abort", "start", "savepoint", "release")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about.

    Attributes:
        kind: TABLE, TABLE DATA, FK CONSTRAINT, ACL … as pg_dump names it; SETTING, TRANSACTION or OTHER;
            `DROP TABLE` and so on for what removes something.
        schema: not quoted; empty where none is written.
        tag: as pg_dump writes it (`orders`, `orders orders_pkey`, `f(integer)`, `TABLE orders`).
        owner: whom OWNER TO or AUTHORIZATION names.
        roles: every role that the statement names.
        creates: whether it makes the object rather than changes it.
        database: the database that it is about, rather than one that it is run in.
    """

    kind: str
    schema: str = ""
    tag: str = ""
    owner: str = ""
    roles: tuple[str, ...] = ()
    creates: bool = False
    database: str = ""

    @property
    def is_cluster(self) -> bool:
        """Whether it is about what all databases of a server share."""
        return self.kind.removeprefix("DROP ") in _CLUSTER


def subject_of(  # noqa: PLR0912
    statement: bytes, codec: str = "utf-8", *, standard_strings: bool = True
) -> Subject:
    """What a statement is about; any bytes give an answer."""
    words = Words(statement, codec, standard_strings=standard_strings)
    first = words.next()
    match first.text if first.kind is Kind.WORD else "":
        case "create":
            return _create(words)
        case "alter":
            return _alter(words)
        case "drop":
            return _drop(words)
        case "insert" if words.take("into"):
            schema, name = words.name()
            return Subject("TABLE DATA", schema, name, creates=True)
        case "copy":
            return _copy(words)
        case "comment" if words.take("on"):
            return _about(words, "COMMENT")
        case "security" if words.take("label"):
            words.skip_to("on")
            return _about(words, "SECURITY LABEL")
        case "grant" | "revoke":
            return _privilege(words)
        case "select":
            return _select(words)
        case "set" | "reset":
            return _setting(words)
        case "discard" | "show":
            return Subject(SETTING)
        case "refresh" if words.take("materialized", "view"):
            words.take("concurrently")
            schema, name = words.name()
            return Subject("MATERIALIZED VIEW DATA", schema, name)
        case "prepare" if words.take("transaction"):
            return Subject(TRANSACTION)
        case "import" if words.take("foreign", "schema"):
            return Subject("IMPORT FOREIGN SCHEMA", "", words.name()[1])
        case word if word in _BEGINS:
            return Subject(TRANSACTION)
        case (
            "update" | "delete" | "truncate" | "merge" | "analyze" | "vacuum" | "cluster" | "reindex" as word
        ):
            words.one_of("from", "table", "into")
            words.one_of("only")
            return Subject(OTHER, tag=f"{word.upper()} {words.name()[1]}".rstrip())
        case word:
            return Subject(OTHER, tag=word.upper())


def _create(words: Words) -> Subject:
    while words.one_of(*_MODIFIERS):
        pass
    if words.peek().text == "constraint" and words.peek(1).text == "trigger":
        words.next()
    written = object_type(words)
    kind = TYPES.get(written, "")
    words.take("concurrently")
    words.take("if", "not", "exists")
    if written in ON_A_TABLE:
        return _create_on_table(words, kind)
    if written == "index":
        name = "" if words.peek() == (Kind.WORD, "on") else words.name()[1]
        words.skip_to("on")
        words.take("only")
        schema, table = words.name()
        return Subject(kind, schema, name or f"{table}_index", creates=True)
    if written == "schema":
        name = "" if words.peek() == (Kind.WORD, "authorization") else words.name()[1]
        owner = take_role(words) if words.take("authorization") else ""
        return Subject(kind, "", name or owner, owner, known_roles(owner), creates=True)
    if written == "user mapping":
        role = take_role(words) if words.take("for") else ""
        words.take("server")
        return Subject(
            kind, "", f"USER MAPPING {role} SERVER {words.name()[1]}", roles=known_roles(role), creates=True
        )
    if not kind:
        return Subject(OTHER, tag=f"CREATE {words.peek().text.upper()}".strip())
    schema, tag = object_named(words, written)
    roles = (tag,) if kind == "ROLE" else ()
    return Subject(kind, schema, tag, roles=roles, creates=True, database=tag if kind == "DATABASE" else "")


def _create_on_table(words: Words, kind: str) -> Subject:
    name = words.name()[1]
    words.skip_to(*(("to",) if kind == "RULE" else ("on",)))
    schema, table = words.name()
    roles: tuple[str, ...] = ()
    if kind == "POLICY" and words.skip_to("to", "using") == "to":
        roles = take_roles(words)
    return Subject(kind, schema, f"{table} {name}", roles=roles, creates=True)


def _alter(words: Words) -> Subject:
    if words.take("default", "privileges"):
        return _default_privileges(words)
    if words.take("system"):
        return Subject("SYSTEM")
    written = object_type(words)
    kind = TYPES.get(written)
    words.take("if", "exists")
    if kind is None or (kind != "ROLE" and words.take("all")):
        return Subject(OTHER, tag=f"ALTER {written.upper()}".strip())
    words.take("only")
    if written in ON_A_TABLE:
        name = words.name()[1]
        words.take("on")
        schema, table = words.name()
        return Subject(kind, schema, f"{table} {name}")
    schema, tag = object_named(words, written)
    words.take("*")
    if words.take("owner", "to"):
        owner = take_role(words)
        database = tag if kind == "DATABASE" else ""
        return Subject(kind, schema, tag, owner, known_roles(owner), database=database)
    if kind == "DATABASE":
        return Subject("DATABASE PROPERTIES", "", tag, database=tag)
    if kind == "ROLE":
        return Subject(kind, "", tag, roles=known_roles(tag) if tag != "all" else ())
    if written == "sequence" and words.take("owned", "by"):
        return Subject("SEQUENCE OWNED BY", schema, tag)
    if words.take("attach", "partition"):
        return Subject(f"{kind} ATTACH", *words.name())
    if written in ("table", "foreign table"):
        return _alter_table(words, kind, schema, tag)
    return Subject(kind, schema, tag)


def _alter_table(words: Words, kind: str, schema: str, table: str) -> Subject:
    if words.take("add", "constraint"):
        name = words.name()[1]
        special = {"foreign": "FK CONSTRAINT", "check": "CHECK CONSTRAINT"}
        return Subject(special.get(words.peek().text, "CONSTRAINT"), schema, f"{table} {name}", creates=True)
    if words.peek().text == "add" and (made := words.peek(1).text) in (
        "primary",
        "unique",
        "foreign",
        "check",
    ):
        made_kind = {"foreign": "FK CONSTRAINT", "check": "CHECK CONSTRAINT"}.get(made, "CONSTRAINT")
        return Subject(made_kind, schema, f"{table} {made}", creates=True)
    if words.one_of("enable", "disable", "force", "no"):
        words.take("force")
        return Subject("ROW SECURITY" if words.take("row", "level", "security") else kind, schema, table)
    if words.take("alter"):
        words.take("column")
        column = words.name()[1]
        if words.take("set", "default"):
            return Subject("DEFAULT", schema, f"{table} {column}", creates=True)
        if words.take("add", "generated") and words.skip_to("identity"):
            if words.take("(", "sequence", "name"):
                schema, name = words.name()
                return Subject("SEQUENCE", schema, name, creates=True)
            return Subject("SEQUENCE", schema, f"{table}_{column}_seq", creates=True)
    return Subject(kind, schema, table)


def _drop(words: Words) -> Subject:
    written = object_type(words)
    kind = TYPES.get(written, "")
    words.take("concurrently")
    words.take("if", "exists")
    if not kind:
        tag = "OWNED" if words.take("owned") else words.peek().text.upper()
        return Subject("DROP OWNED" if tag == "OWNED" else OTHER, tag=f"DROP {tag}")
    if written in ON_A_TABLE:
        name = words.name()[1]
        words.take("on")
        schema, table = words.name()
        return Subject(f"DROP {kind}", schema, f"{table} {name}")
    schema, tag = object_named(words, written)
    return Subject(f"DROP {kind}", schema, tag, database=tag if kind == "DATABASE" else "")


def _copy(words: Words) -> Subject:
    words.take("binary")
    if words.peek() == (Kind.SIGN, "("):
        return Subject(OTHER, tag="COPY")
    schema, name = words.name()
    if words.skip_to("from", "to") == "from":
        return Subject("TABLE DATA", schema, name, creates=True)
    return Subject(OTHER, tag=f"COPY {name}")


def _about(words: Words, kind: str) -> Subject:
    """COMMENT and SECURITY LABEL: the tag names what they are about."""
    written = object_type(words)
    label = TYPES.get(written, written.upper())
    if written in ON_A_TABLE:
        name = words.name()[1]
        words.take("on")
        words.take("domain")
        schema, table = words.name()
        return Subject(kind, schema, f"{label} {name} ON {table}")
    if written == "column":
        path, column = words.name()
        schema, _, table = path.rpartition(".")
        return Subject(kind, schema, f"{label} {table}.{column}")
    schema, tag = object_named(words, written)
    database = tag if label == "DATABASE" else ""
    return Subject(kind, schema, f"{label} {tag}", database=database)


def _privilege(words: Words) -> Subject:
    """GRANT and REVOKE, of privileges or of roles."""
    granted: list[str] = []
    while True:
        token = words.next()
        if token.kind is Kind.END:
            return Subject("ACL")
        if token.kind is Kind.WORD and token.text in ("on", "to", "from"):
            break
        if token.kind in (Kind.WORD, Kind.NAME):
            granted.append(token.text)
    if token.text != "on":
        members = take_roles(words)
        roles = known_roles(*granted, *members)
        return Subject("ROLE MEMBERSHIP", "", " ".join(("ROLE", *granted[-1:])), roles=roles)
    if words.take("all"):
        parts = ["ALL"]
        while (word := words.next()).kind is Kind.WORD and word.text not in ("to", "from", "schema"):
            parts.append(word.text.upper())
        schema = words.name()[1]
        words.skip_to("to", "from")
        return Subject("ACL", schema, f"{' '.join(parts)} SCHEMA {schema}", roles=take_roles(words))
    written = object_type(words) if names_type(words) else "table"
    schema, tag = object_named(words, written)
    words.skip_to("to", "from")
    label = TYPES.get(written, "TABLE")
    if label == "PARAMETER":
        return Subject("PARAMETER", "", tag, roles=take_roles(words))
    database = tag if label == "DATABASE" else ""
    return Subject("ACL", schema, f"{label} {tag}", roles=take_roles(words), database=database)


def _default_privileges(words: Words) -> Subject:
    roles: tuple[str, ...] = ()
    schema = ""
    while word := words.skip_to("role", "user", "schema", "on", "to", "from"):
        if word in ("role", "user"):
            roles += take_roles(words)
        elif word == "schema":
            schema = words.name()[1]
        elif word == "on":
            what = words.name()[1].upper()
            words.skip_to("to", "from")
            return Subject(
                "DEFAULT ACL", schema, f"DEFAULT PRIVILEGES FOR {what}", roles=roles + take_roles(words)
            )
    return Subject("DEFAULT ACL", schema, "DEFAULT PRIVILEGES", roles=roles)


def _select(words: Words) -> Subject:
    _, function = words.name()
    if words.take("("):
        argument = words.peek()
        if function == "set_config":
            return Subject(SETTING)
        if function == "setval" and argument.kind is Kind.STRING:
            schema, name = Words(argument.text.encode("utf-8", "surrogateescape")).name()
            return Subject("SEQUENCE SET", schema, name)
        if function in ("lo_create", "lo_open", "lowrite", "lo_close", "lo_from_bytea", "lo_put"):
            return Subject("BLOBS", "", "BLOBS")
        return Subject(OTHER, tag=f"SELECT {function}")
    return Subject(OTHER, tag="SELECT")


def _setting(words: Words) -> Subject:
    if words.one_of("session", "local") == "session" and words.take("characteristics"):
        return Subject(TRANSACTION)
    if words.one_of("constraints", "transaction"):
        return Subject(TRANSACTION)
    if words.next().text.lower() in ("role", "authorization", "session_authorization"):
        words.one_of("to")
        words.take("=")
        role = take_role(words)
        return Subject(SETTING, roles=known_roles(role) if role not in ("none", "default") else ())
    return Subject(SETTING)
