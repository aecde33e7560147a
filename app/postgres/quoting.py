"""Writes names and texts into SQL, so that each stays what it is."""

from __future__ import annotations

import re

Name = tuple[str, str]
"""Schema and name of a table or the like, not quoted."""

_SIGNATURE = re.compile(r"(.*)(\((?:[^()\"]|\"(?:[^\"]|\"\")*\")*\))", re.DOTALL)


def quote_identifier(name: str) -> str:
    """A name as SQL takes it, always quoted."""
    return '"' + name.replace('"', '""') + '"'


def quote_qualified(schema: str, name: str) -> str:
    """The name of something in a schema as SQL takes it, always quoted."""
    return f"{quote_identifier(schema)}.{quote_identifier(name)}"


def signature_parts(signature: str) -> tuple[str, str]:
    """The name of a routine, and its argument types in parentheses; a name may hold parentheses, too."""
    match = _SIGNATURE.fullmatch(signature)
    return (match[1], match[2]) if match else (signature, "")


def quote_literal(text: str) -> str:
    """A text as SQL takes it, whatever `standard_conforming_strings` says."""
    body = text.replace("'", "''")
    return f"E'{body.replace(chr(92), chr(92) * 2)}'" if "\\" in body else f"'{body}'"


def encode_sql(statement: str) -> bytes:
    """A statement as bytes, with names that are not UTF-8 as they were."""
    return statement.encode("utf-8", "surrogateescape")
