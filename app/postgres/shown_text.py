"""Takes the values of rows, and passwords, out of what is shown and kept of statements and of errors.

A report of a restore stays in the catalog, so it may say which table, column and line, but not what stood
there. Words that a database's own functions raise are kept: nobody can tell what of them is a value.
"""

from __future__ import annotations

import re

LONGEST = 200
_SECRET = re.compile(r"(?i)\b(password|connection)(\s+|\s*'?\s*=\s*)(?:E?'(?:[^']|'')*'?|\"[^\"]*\"?)")
_CHANGES_ROWS = re.compile(r"(?:with|update|delete|merge|select|call|execute|values|do)\b", re.IGNORECASE)
_ABOUT_NAMES = re.compile(r"select\s+(?:pg_catalog\.)?(?:setval|set_config)\b", re.IGNORECASE)
_CONSTANT = re.compile(r"E?'(?:[^'\\]|''|\\.)*+'?|\$(\w*)\$.*?(?:\$\1\$|$)", re.IGNORECASE | re.DOTALL)
_VALUE = re.compile(r'(: )".*$|(\b(?:value|time zone) )(?:".*"|".*$)', re.DOTALL)
"""What the server puts into the quotes of a message is a value after these words, and a name after others."""


def shortened(statement: bytes, longest: int = LONGEST) -> str:
    """A statement's beginning on one line, without the values of rows, passwords and connections."""
    text = " ".join(statement[: 4 * longest].decode("utf-8", "replace").split())
    if re.match(r"insert\b", text, re.IGNORECASE):
        text = re.sub(r"(?i)\b(values|select)\b.*", r"\1 …", text)
    elif _CHANGES_ROWS.match(text) and not _ABOUT_NAMES.match(text):
        text = _CONSTANT.sub("'…'", text)
    text = _SECRET.sub(r"\1\2'…'", text)
    return text if len(text) <= longest else text[:longest] + "…"


def without_values(message: str) -> str:
    """A server's message without what it quotes of a row: `invalid input syntax for type integer: "…"`."""
    return _VALUE.sub(lambda match: f'{match[1] or match[2]}"…"', message)
