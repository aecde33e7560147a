"""Knows the settings that dumps of other versions of PostgreSQL begin with, and that a server may lack."""

from __future__ import annotations

import re

_SETTING = re.compile(
    rb"(?:SET|RESET)\s+(?:SESSION\s+|LOCAL\s+)?([A-Za-z_][\w.]*)|SELECT\s+(?:pg_catalog\.)?set_config\s*\(\s*'(\w+)'",
    re.IGNORECASE,
)
_SINCE = {
    "check_function_bodies": 8,
    "row_security": 9.5,
    "idle_in_transaction_session_timeout": 9.6,
    "default_table_access_method": 12,
    "default_toast_compression": 14,
    "idle_session_timeout": 14,
    "transaction_timeout": 17,
}
_UNTIL = {"default_with_oids": 12, "xmlparse_options": 8}


def unknown_setting(statement: bytes, server_major: float) -> str:
    """The setting in `SET …` or `set_config` that a server of this major does not have; empty if it knows it.

    The versions are those in which the settings came and went, from PostgreSQL's release notes.
    """
    match = _SETTING.match(statement)
    if not match:
        return ""
    name = (match[1] or match[2]).decode().lower()
    is_unknown = _SINCE.get(name, 0) > server_major or server_major >= _UNTIL.get(name, 1_000_000)
    return name if is_unknown else ""
