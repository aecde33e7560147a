"""Finds projects at Supabase and the way to one of them; it waits for web and keyring: for a worker."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.errors import AppError
from app.domain.project import Secret
from app.engine.supabase_access import keep_token, kept_token
from app.engine.supabase_projects import (
    FoundProject,
    Way,
    direct_way,
    find_projects,
    find_way,
    found_by_cli,
)
from app.supabase import cli
from app.supabase.management_api import ManagementApi
from app.ui.error_words import in_language
from app.ui.project_drafts import ProjectDraft


@dataclass(frozen=True, slots=True)
class SignIn:
    """What there is to sign in with.

    Attributes:
        has_token: one is kept, or stands in the environment.
        has_cli: Supabase's own command line is installed.
    """

    has_token: bool
    has_cli: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a sign-in leads to.

    Attributes:
        projects: those that it may see.
        token: with which they were found; None for Supabase's command line.
        keyring: where the token was put now; empty where it was not.
        problem: why it is kept nowhere.
    """

    projects: tuple[FoundProject, ...]
    token: Secret | None = None
    keyring: str = ""
    problem: str = ""


def look_at_sign_in() -> SignIn:
    """Look for a token and for Supabase's command line; a locked keyring is as good as none here."""
    try:
        has_token = kept_token() is not None
    except AppError:
        has_token = False
    return SignIn(has_token, cli.find_cli() is not None)


def find_with_token(token: Secret) -> Found:
    """The projects of a token, which is kept once it has proved good.

    Raises:
        AppError: it does not do, or Supabase cannot be asked.
    """
    token = Secret(token.reveal().strip())
    projects = find_projects(ManagementApi(token))
    try:
        return Found(projects, token, keep_token(token))
    except AppError as error:
        return Found(projects, token, problem=in_language(error).title)


def find_with_kept_token() -> Found:
    """The projects of the token that is kept.

    Raises:
        AppError: it does not do any more, or Supabase cannot be asked.
    """
    token = kept_token()
    return Found(find_projects(ManagementApi(token)), token) if token else Found(())


def find_with_cli() -> Found:
    """The projects of whom Supabase's command line is signed in as.

    Raises:
        AppError: it is not signed in, or does not answer.
    """
    program = cli.find_cli()
    return Found(found_by_cli(cli.projects(program)) if program else ())


def find_draft(project: FoundProject, token: Secret | None) -> tuple[ProjectDraft, str]:
    """The fields with which a project is reached, and what is to be known of the way.

    Raises:
        AppError: why there is none.
    """
    way: Way = find_way(ManagementApi(token), project.ref) if token else direct_way(project)
    words = way.keywords
    draft = ProjectDraft(
        name=project.name,
        host=words["host"],
        port=words["port"],
        database=words["dbname"],
        user=words["user"],
        tls=words["sslmode"],
    )
    return draft, way.note
