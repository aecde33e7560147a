"""Finds what is needed to reach a Supabase project beside its database: address, key, and the user's token.

Nothing of it is asked for over the web here, and nothing that is missing is a failure: the parts of a backup
that need it say so, and the database is saved all the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Project, Secret
from app.domain.project_types.supabase_hosted import DIRECT_HOST, is_supabase_host
from app.supabase.access import SupabaseAccess, hosted_storage_url

KEY_VARIABLE = "SUPABASE_SERVICE_ROLE_KEY"
TOKEN_VARIABLE = "SUPABASE_ACCESS_TOKEN"  # noqa: S105 - its name

SERVICE = "Holdfast Supabase"
"""Under which the keyring has token and keys."""
_TOKEN_ACCOUNT = "access token"  # noqa: S105 - its name
_NO_KEYRING = "No keyring can be used here."


def access_of(project: Project | None, keywords: Mapping[str, str]) -> SupabaseAccess | None:
    """How to reach a project's web interfaces; None for what is no Supabase project.

    Args:
        project: as the user added it; None for a database that was given by its string alone.
        keywords: of its connection string.
    """
    ref = (project.supabase if project else "") or ref_of(keywords)
    api_url = project.api_url.rstrip("/") if project else ""
    if not ref and not api_url:
        return None
    name = project.name if project else ""
    token, key, problem = _kept(name, wants_token=bool(ref))
    management = None
    if token is not None and ref:
        from app.supabase.management_api import ManagementApi  # httpx takes long to import

        try:
            management = ManagementApi(token)
        except AppError as error:
            problem = str(error)
    url = f"{api_url}/storage/v1" if api_url else hosted_storage_url(ref)
    return SupabaseAccess(ref, url, key, management, _what_to_do(ref, problem))


def ref_of(keywords: Mapping[str, str]) -> str:
    """The ref of a hosted project in its connection string; empty where it names none."""
    hosts = [host for host in keywords.get("host", "").split(",") if host]
    if not hosts or not all(map(is_supabase_host, hosts)):
        return ""
    direct = DIRECT_HOST.fullmatch(hosts[0].casefold())
    if direct:
        return direct[1]
    ref = keywords.get("user", "").rpartition(".")[2]  # of a pooler: postgres.<ref>
    return ref if len(ref) == 20 and ref.isascii() and ref.isalpha() and ref.islower() else ""


def kept_token() -> Secret | None:
    """The user's access token, from the environment or the keyring; None where there is none.

    Raises:
        AppError: KEYRING_LOCKED.
    """
    if (token := _from_environment(TOKEN_VARIABLE)) is not None:
        return token
    from app.persistence import secrets

    state = secrets.probe()
    if state.locked:
        raise AppError(ErrorCode.KEYRING_LOCKED, "The keyring is locked", detail=state.problem)
    return secrets.get_password(_TOKEN_ACCOUNT, SERVICE) if state.usable else None


def keep_token(token: Secret) -> str:
    """Store the user's access token; gives the keyring's name.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED.
    """
    from app.persistence import secrets

    state = secrets.probe()
    if not state.usable:
        raise AppError(
            ErrorCode.KEYRING_LOCKED if state.locked else ErrorCode.NO_KEYRING,
            "The token cannot be kept",
            detail=state.problem,
            hint=f"It can be given with {TOKEN_VARIABLE} each time.",
        )
    secrets.set_password(_TOKEN_ACCOUNT, token, SERVICE)
    return state.name


def forget_token() -> bool:
    """Remove the token from the keyring; False where there was none.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED.
    """
    from app.persistence import secrets

    if not secrets.probe().usable or secrets.get_password(_TOKEN_ACCOUNT, SERVICE) is None:
        return False
    secrets.delete_password(_TOKEN_ACCOUNT, SERVICE)
    return True


def key_account(project: str) -> str:
    """Under which the keyring has a project's service key."""
    return f"service key of {project}"


def _kept(project: str, *, wants_token: bool) -> tuple[Secret | None, Secret | None, str]:
    """Token and service key from the environment, else from the keyring; and why the keyring does not do."""
    token = _from_environment(TOKEN_VARIABLE) if wants_token else None
    key = _from_environment(KEY_VARIABLE)
    if key is not None and (token is not None or not wants_token):
        return token, key, ""
    from app.persistence import secrets  # a keyring takes long to import

    state = secrets.probe()
    if not state.usable:
        return token, key, state.problem or _NO_KEYRING
    try:
        if token is None and wants_token:
            token = secrets.get_password(_TOKEN_ACCOUNT, SERVICE)
        if key is None and project:
            key = secrets.get_password(key_account(project), SERVICE)
    except AppError as error:
        return token, key, str(error)
    return token, key, ""


def _from_environment(name: str) -> Secret | None:
    value = os.environ.get(name, "").strip()
    return Secret(value) if value else None


def _what_to_do(ref: str, problem: str) -> str:
    sign_in = (
        f"Sign in with an access token (“holdfast supabase login”, or {TOKEN_VARIABLE})."
        if ref
        else f"Give the project’s service key: “holdfast projects key NAME”, or {KEY_VARIABLE}."
    )
    return f"{problem.rstrip('.')}. {sign_in}" if problem else sign_in
