"""What can be done about an object that a server refused to restore."""

from __future__ import annotations

import re

_IN_FUNCTION = re.compile(
    r'(?:relation|function|type|operator) .*does not exist.*(?:function|SQL statement) "?'
)
_NAMES_OBJECT = re.compile(r'"?(?:relation|function|type|role|schema) .*does not exist.*CONTEXT: +COPY ')
_CHECK = re.compile(r"violates check constraint")
_SEARCH_PATH = (
    "A restore runs with an empty search_path: write names in the function with their schema, "
    "or give it its own with ALTER FUNCTION … SET search_path"
)
_STORE_NAME = (
    "The column names an object that a restore makes only after the rows: store the name as text, "
    "or restore this table's rows last"
)
_ADD_LATER = (
    "The check refuses rows that are there: it was added NOT VALID, or it looks at other tables. "
    "Make it a trigger, or add it after the rows"
)
_REMEDIES = ((_IN_FUNCTION, _SEARCH_PATH), (_NAMES_OBJECT, _STORE_NAME), (_CHECK, _ADD_LATER))


def remedy_for(message: str) -> str:
    """What to do about the server's refusal of an object; empty where no rule knows it."""
    return next((text for pattern, text in _REMEDIES if pattern.search(message)), "")
