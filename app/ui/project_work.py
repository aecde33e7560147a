"""Reads, tests and keeps a project's connection; it waits for server and keyring: for a worker."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg import ProgrammingError
from psycopg import conninfo as libpq

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Project, Secret
from app.engine.connection_check import ConnectionCheck, OnLine
from app.persistence import secrets
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import add_project, find_project, replace_project, settings_path
from app.postgres.connection import Connection, parse_connection
from app.services import Services
from app.system.cancellation import CancelToken
from app.ui.project_drafts import Field, ProjectDraft

_FIELDS = (Field.HOST, Field.PORT, Field.DATABASE, Field.USER, Field.TLS, Field.AUTHORITY)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a project's password is now.

    Attributes:
        keyring: its name; empty where no password is in one.
        problem: why it is not there, if it should be.
    """

    keyring: str = ""
    problem: str = ""


def read_connection_string(text: str) -> ProjectDraft:
    """Take a connection string apart.

    Raises:
        AppError: INVALID_INPUT; its text never repeats the string.
    """
    connection = parse_connection(text, as_written=True)
    words = connection.keywords
    named = {field: words.pop(field.value, "") for field in _FIELDS}
    return ProjectDraft(
        host=named[Field.HOST],
        port=named[Field.PORT],
        database=named[Field.DATABASE],
        user=named[Field.USER],
        tls=named[Field.TLS],
        authority=named[Field.AUTHORITY],
        options=libpq.make_conninfo("", **words) if words else "",
        password=connection.password,
    )


def connection_of(draft: ProjectDraft) -> Connection:
    """The connection that the fields describe.

    Raises:
        AppError: INVALID_INPUT for the options, the only field in which libpq can find a fault.
    """
    words = {
        Field.HOST: draft.host,
        Field.PORT: draft.port,
        Field.DATABASE: draft.database,
        Field.USER: draft.user,
        Field.TLS: draft.tls,
        Field.AUTHORITY: draft.authority,
    }
    given = {field.value: value for field, value in words.items() if value}
    try:
        conninfo = libpq.make_conninfo(draft.options, **given)
    except ProgrammingError:  # its text may repeat what was entered
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "The other options cannot be read",
            hint="Use keyword=value pairs with spaces between them.",
        ) from None
    connection = parse_connection(conninfo)
    return replace(connection, password=draft.password or connection.password)


def test_connection(
    services: Services, draft: ProjectDraft, project: str, on_line: OnLine, cancel: CancelToken
) -> ConnectionCheck:
    """Fill the list of Test Connection, with the password that is kept for a project where none was entered.

    Raises:
        AppError: INVALID_INPUT as `connection_of`; KEYRING_LOCKED.
        Cancelled: `cancel` was set.
    """
    connection = connection_of(draft)
    if connection.password is None and project:
        connection = replace(connection, password=services.password_of(project))
    return services.check_connection(connection, on_line, cancel)


def keep_project(
    draft: ProjectDraft, old: Project | None, now: datetime, session: MutableMapping[str, Secret]
) -> Kept:
    """Keep a project, new or in the place of an old one, and its password.

    Args:
        draft: what was entered.
        old: the project in whose place it comes; schedules and backups follow a new name.
        now: in UTC.
        session: takes the password where the keyring does not.

    Raises:
        AppError: the name or the options cannot be used, the settings or the catalog not be written, or the
            keyring is locked that holds the password of a project with a new name; nothing is changed.
    """
    connection = connection_of(draft)
    name, password = draft.name.strip(), connection.password
    project = _changed(old, name, connection) if old else Project(name, connection.conninfo, now)
    if old is None:
        add_project(settings_path(), project)
        return _keep_password(name, password, session)
    if old.name == name:
        replace_project(settings_path(), old.name, project)
        return _keep_password(name, password, session) if password else Kept()
    password = password or _password_to_move(old.name, session)
    replace_project(settings_path(), old.name, project)
    try:
        with Catalog(catalog_path(), []) as catalog:  # of its own: the window's is not held up
            catalog.rename_project(old.name, name)
    except AppError:
        replace_project(settings_path(), name, old)
        raise
    kept = _keep_password(name, password, session)
    if not kept.problem:
        forget_password(old.name, session)
    return kept


def try_session_pooler(services: Services, name: str, cancel: CancelToken) -> Project | None:
    """The project as it is reached through its session pooler at Supabase, which answered; not kept yet.

    None where there is no access token to ask Supabase for the pooler's address.

    Raises:
        AppError: why Supabase does not tell it, or why a backup would fail through it, too.
        Cancelled: `cancel` was set.
    """
    from app.engine.supabase_access import kept_token, ref_of
    from app.engine.supabase_projects import pooler_keywords
    from app.supabase.management_api import ManagementApi

    token = kept_token()
    if token is None:
        return None
    old = find_project(services.settings, name)
    words = Connection(old.conninfo).keywords
    words = pooler_keywords(ManagementApi(token), old.supabase or ref_of(words), words)
    connection = Connection(libpq.make_conninfo("", **words), services.password_of(name))
    check = services.check_connection(connection, lambda _: None, cancel)
    if failed := [line.failure for line in check.lines if line.failure is not None]:
        raise failed[0]
    return replace(old, conninfo=connection.conninfo)


def keep_way(project: Project) -> None:
    """Reach a project as this one says from now on.

    Raises:
        AppError: UNKNOWN_PROJECT, or the settings cannot be written.
    """
    replace_project(settings_path(), project.name, project)


def forget_password(project: str, session: MutableMapping[str, Secret]) -> str:
    """Remove a project's password; gives why it may still be in the keyring, empty when it is not."""
    session.pop(project, None)
    found = secrets.probe()
    if not found.usable:
        return found.problem if found.locked else ""
    try:
        secrets.delete_password(project)
    except AppError as error:
        return str(error)
    return ""


def _changed(old: Project, name: str, connection: Connection) -> Project:
    """What is known of its web interfaces stays while it leads to the same host."""
    is_same = connection.keywords.get("host") == Connection(old.conninfo).keywords.get("host")
    changed = replace(old, name=name, conninfo=connection.conninfo)
    return changed if is_same else replace(changed, supabase="", api_url="")


def _password_to_move(project: str, session: MutableMapping[str, Secret]) -> Secret | None:
    if project in session:
        return session[project]
    found = secrets.probe()
    if found.locked:
        raise AppError(
            ErrorCode.KEYRING_LOCKED,
            "The keyring is locked, so the password cannot follow the new name",
            detail=found.problem,
            hint="Unlock it, then save again; or enter the password here.",
        )
    return secrets.get_password(project) if found.usable else None


def _keep_password(name: str, password: Secret | None, session: MutableMapping[str, Secret]) -> Kept:
    """Store it; without one make sure that none is left from another project of this name."""
    if password is None:
        forget_password(name, session)
        return Kept()
    found = secrets.probe()
    problem = found.problem
    if found.usable:
        try:
            secrets.set_password(name, password)
        except AppError as error:
            problem = str(error)
        else:
            session.pop(name, None)
            return Kept(found.name)
    session[name] = password
    return Kept(problem=problem or "There is no keyring that can be used")
