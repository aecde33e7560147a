"""Says in SQL which schemas and tables a user selected, by the rules that pg_dump follows.

The rules are those of `patternToSQLRegex` in PostgreSQL's src/fe_utils/string_utils.c and of
`selectDumpableTable` in src/bin/pg_dump/pg_dump.c. The clauses speak of `pg_class c` and `pg_namespace n`.
"""

from __future__ import annotations

import re
from string import ascii_lowercase, ascii_uppercase

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, ErrorCode
from app.postgres.quoting import quote_literal

_SPECIAL = re.compile(r"[|*+?()\[\]{}.^$\\]")
_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_WILD = {"*": ".*", "?": ".", "$": r"\$"}


def selection(options: BackupOptions) -> str:
    """The clause for `--schema`, `--table` and `--exclude-table`, as pg_dump combines them.

    Raises:
        AppError: INVALID_INPUT for a pattern with too many dots.
    """
    clauses: list[str] = []
    if options.tables:
        clauses.append(f"({' OR '.join(map(table_clause, options.tables))})")
    elif options.schemas:
        clauses.append(f"({' OR '.join(map(schema_clause, options.schemas))})")
    else:
        clauses.append("n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'")
    clauses.extend(f"NOT {table_clause(pattern)}" for pattern in options.excluded_tables)
    return " AND ".join(clauses)


def schema_clause(pattern: str) -> str:
    """True for the schemas that the pattern names.

    Raises:
        AppError: INVALID_INPUT when it has dots.
    """
    parts = to_regexes(pattern)
    if len(parts) > 1:
        raise _too_many_dots(pattern)
    return _matches("n.nspname", parts[0])


def table_clause(pattern: str) -> str:
    """True for the relations that the pattern names; without a schema only where no other one hides them.

    Raises:
        AppError: INVALID_INPUT when it has more than one dot.
    """
    *schema, name = to_regexes(pattern)
    if len(schema) > 1:
        raise _too_many_dots(pattern)
    place = _matches("n.nspname", schema[0]) if schema else "pg_catalog.pg_table_is_visible(c.oid)"
    return f"({place} AND {_matches('c.relname', name)})"


def to_regexes(pattern: str) -> list[str]:
    """A psql pattern as POSIX regular expressions, one for each part between dots.

    Outside of double quotes A to Z fold to lower case, `*` and `?` are wild, and other characters keep
    their meaning in regular expressions; inside of them all are literal. `$` always is.
    """
    parts = [""]
    quoted = False
    position = 0
    while position < len(pattern):
        character = pattern[position]
        after = pattern[position + 1 : position + 2]
        if character == '"' and quoted and after == '"':
            parts[-1] += '"'
            position += 1
        elif character == '"':
            quoted = not quoted
        elif quoted:
            parts[-1] += _SPECIAL.sub(r"\\\g<0>", character)
        elif character == ".":
            parts.append("")
        elif character == "[" and after == "]":
            parts[-1] += r"\["
        else:
            parts[-1] += _WILD.get(character, character.translate(_TO_LOWER))
        position += 1
    return [f"^({part})$" for part in parts]


def _matches(column: str, regex: str) -> str:
    return f'{column} OPERATOR(pg_catalog.~) {quote_literal(regex)} COLLATE pg_catalog."default"'


def _too_many_dots(pattern: str) -> AppError:
    return AppError(
        ErrorCode.INVALID_INPUT,
        f"“{pattern}” has too many dots",
        hint='Tables are named schema.table; put a name that has a dot itself in double quotes: "a.b".',
    )
