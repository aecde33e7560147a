"""What stands in the form of a project, and what is wrong with it; nothing here speaks to a server."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication

from app.domain.project import Secret
from app.domain.project_types.supabase_hosted import is_supabase_host

translate = QCoreApplication.translate

SYSTEM_AUTHORITIES = "system"
"""`sslrootcert` of libpq 16 and later for the authorities that the system trusts."""

_LONGEST_NAME = 200
_PORTS = re.compile(r"\d+(,\d+)*")
_LARGEST_PORT = 65_535
BULLETS = "••••••••"
_IN_URL = re.compile(r"^(\s*\w+://[^:/?#@]*:)(.*)(@[^@]*)$", re.DOTALL)
_IN_PAIRS = re.compile(r"((?:^|[\s?&])password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]*)", re.IGNORECASE)
_PLACEHOLDER = "[YOUR-PASSWORD]"
"""What Supabase's dashboard writes where the password goes."""
TRANSACTION_POOLER, SESSION_POOLER = "6543", "5432"


class Field(StrEnum):
    """The fields of the form."""

    NAME = "name"
    HOST = "host"
    PORT = "port"
    DATABASE = "dbname"
    USER = "user"
    PASSWORD = "password"  # noqa: S105 - a field, no password
    TLS = "sslmode"
    AUTHORITY = "sslrootcert"
    OPTIONS = "options"


@dataclass(frozen=True, slots=True)
class ProjectDraft:
    """A project as far as it was entered.

    Attributes:
        tls: `sslmode`; libpq's own choice where it is empty.
        authority: `sslrootcert`.
        options: what else the connection string says, as keyword=value pairs.
        password: None where it stays as it is.
    """

    name: str = ""
    host: str = ""
    port: str = ""
    database: str = ""
    user: str = ""
    tls: str = ""
    authority: str = ""
    options: str = ""
    password: Secret | None = None


def problems(draft: ProjectDraft, taken: Collection[str]) -> dict[Field, str]:
    """What is wrong, in words, for each field in which something is.

    Args:
        draft: what was entered.
        taken: the names of the other projects.
    """
    found = {
        Field.NAME: _name_problem(draft.name, taken),
        Field.HOST: _host_problem(draft),
        Field.PORT: _port_problem(draft),
        Field.PASSWORD: _password_problem(draft),
    }
    return {field: text for field, text in found.items() if text}


def draft_of(name: str, words: dict[str, str]) -> ProjectDraft:
    """A project that is kept, from the keywords of its string; what has no field of its own is an option."""
    fields = (Field.HOST, Field.PORT, Field.DATABASE, Field.USER, Field.TLS, Field.AUTHORITY)
    host, port, database, user, tls, authority = (words.get(field.value, "") for field in fields)
    others = {key: value for key, value in words.items() if key not in set(fields)}
    options = " ".join(f"{key}={_quoted(value)}" for key, value in others.items())
    return ProjectDraft(name, host, port, database, user, tls, authority, options)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    is_plain = value and escaped == value and not any(letter.isspace() for letter in value)
    return value if is_plain else f"'{escaped}'"


def suggested_name(draft: ProjectDraft) -> str:
    """What a connection could be called: its database, or where that says nothing, its host or project."""
    if draft.database and draft.database not in ("postgres", draft.user):
        return draft.database
    if is_supabase_host(draft.host):
        reference = draft.user.partition(".")[2] or draft.host.split(".")[1]
        return reference if "pooler" not in reference else ""
    return draft.host.partition(".")[0] if not draft.host.startswith("/") else draft.database


def masked(text: str) -> str:
    """A connection string with bullets in its password's place; empty where that place is not found."""
    hidden = _IN_PAIRS.sub(rf"\g<1>{BULLETS}", _IN_URL.sub(rf"\g<1>{BULLETS}\g<3>", text))
    return "" if hidden == text else hidden


def _password_problem(draft: ProjectDraft) -> str:
    if draft.password is not None and draft.password.reveal() == _PLACEHOLDER:
        return translate("project", "Put your password in the place of [YOUR-PASSWORD].")
    return ""


def _name_problem(name: str, taken: Collection[str]) -> str:
    if not name.strip():
        return translate("project", "Give the project a name.")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        return translate("project", "Use up to 200 letters, digits, signs, and spaces.")
    if name.casefold() in {other.casefold() for other in taken}:
        return translate("project", "There is already a project of this name.")
    return ""


def _host_problem(draft: ProjectDraft) -> str:
    if any(character.isspace() for character in draft.host):
        return translate("project", "A host has no spaces in its name.")
    if "://" in draft.host or "@" in draft.host[1:]:
        return translate("project", "Give the host alone, or paste the whole connection string above.")
    if not draft.host and not re.search(r"\b(service|hostaddr)\s*=", draft.options):
        return translate("project", "Give the server's name or address.")
    return ""


def _port_problem(draft: ProjectDraft) -> str:
    if not draft.port:
        return ""
    numbers = draft.port.split(",")
    if not _PORTS.fullmatch(draft.port) or not all(0 < int(one) <= _LARGEST_PORT for one in numbers):
        return translate("project", "A number from 1 to 65535.")
    if TRANSACTION_POOLER in numbers:
        return translate("project", "Transaction pooler. Use 5432.")
    return ""
