"""Supabase's Management API: a user's projects, how to reach them, and what they have beside the database.

Source of paths and fields: the API's public description and Supabase's command line (3.1.0). *Not verified
against the hosted service.*
"""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
import msgspec

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.supabase.web import BUSY, WebClient, call, pause_before, words_of
from app.system.cancellation import CancelToken

URL = "https://api.supabase.com/v1"
URL_VARIABLE = "SUPABASE_API_URL"
"""Another address of the API, without /v1: a proxy's, or that of a stand-in."""
TOKENS_PAGE = "https://supabase.com/dashboard/account/tokens"
ASLEEP = ("INACTIVE", "PAUSING", "PAUSED", "PAUSE_FAILED")
"""What the service calls projects that are paused."""

_TOKEN = re.compile(r"sbp_(oauth_|v0_)?[a-f0-9]{40}")
_TRIES = 4
_WHAT = "Supabase"
_BUNDLE = "application/vnd.denoland.eszip"
_CONFIG_PATHS = {
    "auth": "config/auth",
    "storage": "config/storage",
    "realtime": "config/realtime",
    "postgrest": "postgrest",
    "ssl-enforcement": "ssl-enforcement",
    "network-restrictions": "network-restrictions",
}
_NOT_THERE = (
    ErrorCode.HOST_NOT_FOUND,
    ErrorCode.UNREACHABLE,
    ErrorCode.REFUSED,
    ErrorCode.TIMED_OUT,
    ErrorCode.CONNECTION_LOST,
)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ProjectDatabase:
    """A project's database: its direct host and PostgreSQL's version, as far as the service tells them."""

    host: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class HostedProject:
    """A project of the user's account.

    Attributes:
        id: its ref, 20 small letters.
        organization_id: whose it is.
        status: ACTIVE_HEALTHY, INACTIVE (paused) and others.
    """

    id: str
    name: str
    region: str = ""
    status: str = ""
    organization_id: str = ""
    database: ProjectDatabase = ProjectDatabase()

    @property
    def ref(self) -> str:
        """What the API calls `id` here and `ref` elsewhere."""
        return self.id

    @property
    def is_paused(self) -> bool:
        """Whether it sleeps until somebody starts it in the dashboard."""
        return self.status in ASLEEP


@dataclass(frozen=True, slots=True)
class Pooler:
    """A pooler in front of a project's database; `pool_mode` is session or transaction."""

    db_host: str
    db_user: str
    db_name: str = "postgres"
    db_port: int = 5432
    database_type: str = "PRIMARY"
    pool_mode: str = ""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a project; `type` is legacy, publishable or secret. None where it may not be read."""

    name: str
    type: str
    api_key: Secret | None


@dataclass(frozen=True, slots=True)
class _RawKey:
    name: str = ""
    type: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class EdgeFunction:
    """An edge function, with what it takes to deploy it again."""

    slug: str
    name: str = ""
    status: str = ""
    version: int = 0
    verify_jwt: bool = True
    import_map: bool | None = None
    entrypoint_path: str | None = None
    import_map_path: str | None = None


@dataclass(frozen=True, slots=True)
class SecretName:
    """A secret of a project's functions: its name, and a digest as `value`."""

    name: str
    value: str = ""


def checked_token(token: Secret) -> Secret:
    """A personal access token that looks like one, before it is sent anywhere.

    Raises:
        AppError: TOKEN_MALFORMED; the token stands in no text.
    """
    stripped = Secret(token.reveal().strip())
    if not _TOKEN.fullmatch(stripped.reveal()):
        raise AppError(
            ErrorCode.TOKEN_MALFORMED,
            "This is not an access token of Supabase",
            detail="One begins with sbp_, and 40 digits and letters from a to f follow.",
            hint=f"Make one at {TOKENS_PAGE}; keys of a project are something else.",
        )
    return stripped


class ManagementApi:
    """Asks the API with a token; each call raises `AppError` and retries what a later try may mend.

    Args:
        token: a personal access token.
        url: of the API; its own where it is None.
        cancel: ends what is under way.

    Raises:
        AppError: TOKEN_MALFORMED.
    """

    def __init__(self, token: Secret, url: str | None = None, cancel: CancelToken | None = None) -> None:
        other = os.environ.get(URL_VARIABLE, "").rstrip("/")
        self._client = WebClient(url or (f"{other}/v1" if other else URL), bearer=checked_token(token))
        self._cancel = cancel or CancelToken()
        weakref.finalize(self, self._client.close)

    def projects(self) -> tuple[HostedProject, ...]:
        """All projects that the token may see."""
        return self._get("/projects", tuple[HostedProject, ...])

    def organisations(self) -> dict[str, str]:
        """The names of organisations by their ids."""
        found = self._get("/organizations", tuple[dict[str, Any], ...])
        return {str(one.get("id", "")): str(one.get("name", "")) for one in found}

    def project(self, ref: str) -> HostedProject:
        """One project."""
        return self._get(f"/projects/{_checked_ref(ref)}", HostedProject)

    def session_pooler(self, ref: str) -> Pooler | None:
        """The pooler of the project's primary database in session mode; None where it has none."""
        path = f"/projects/{_checked_ref(ref)}/config/database/pooler"
        primary = [one for one in self._get(path, tuple[Pooler, ...]) if one.database_type == "PRIMARY"]
        session = [one for one in primary if one.pool_mode == "session"]
        return next(iter((*session, *primary)), None)

    def api_keys(self, ref: str) -> tuple[ApiKey, ...]:
        """The project's keys, with their values where the token may read them."""
        path = f"/projects/{_checked_ref(ref)}/api-keys?reveal=true"
        return tuple(
            ApiKey(key.name, key.type or "legacy", Secret(key.api_key) if key.api_key else None)
            for key in self._get(path, tuple[_RawKey, ...])
        )

    def functions(self, ref: str) -> tuple[EdgeFunction, ...]:
        """The project's edge functions."""
        return self._get(f"/projects/{_checked_ref(ref)}/functions", tuple[EdgeFunction, ...])

    def function_body(self, ref: str, slug: str) -> bytes:
        """What a function is made of, as one bundle."""
        return self._ask("GET", f"/projects/{_checked_ref(ref)}/functions/{_checked_slug(slug)}/body").content

    def config(self, ref: str, kind: str) -> Mapping[str, Any]:
        """Settings of one kind: auth, storage, realtime, postgrest, ssl-enforcement, network-restrictions."""
        return self._get(f"/projects/{_checked_ref(ref)}/{_CONFIG_PATHS[kind]}", dict[str, Any])

    def secrets(self, ref: str) -> tuple[SecretName, ...]:
        """Names and digests of the functions' secrets."""
        return self._get(f"/projects/{_checked_ref(ref)}/secrets", tuple[SecretName, ...])

    def deploy_function(self, ref: str, metadata: Mapping[str, Any], body: bytes) -> None:
        """Make a function of a bundle, or replace the one of its slug."""
        slug = _checked_slug(str(metadata["slug"]))
        path = f"/projects/{_checked_ref(ref)}/functions"
        is_there = slug in {one.slug for one in self.functions(ref)}
        wanted = ("name", "verify_jwt", "import_map", "entrypoint_path", "import_map_path")
        params = {name: _parameter(metadata[name]) for name in wanted if metadata.get(name) is not None}
        method, place = ("PATCH", f"{path}/{slug}") if is_there else ("POST", path)
        self._ask(
            method, place, params={"slug": slug, **params}, content=body, headers={"Content-Type": _BUNDLE}
        )

    def _get(self, path: str, kind: type[Answer]) -> Answer:
        response = self._ask("GET", path)
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as error:
            raise AppError(
                ErrorCode.API_ERROR,
                "Supabase gave an answer that Holdfast cannot read",
                detail=f"{path.partition('?')[0]}: {error}",
                hint="Try again later; a newer Holdfast may know it.",
            ) from error

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = self._once(method, path, **request)
        for attempt in range(_TRIES - 1):
            if response.status_code not in BUSY:
                break
            self._cancel.wait(pause_before(attempt, response))
            response = self._once(method, path, **request)
        if response.is_success:
            return response
        raise _refusal(response, path.partition("?")[0])

    def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return call(self._client, method, path, cancel=self._cancel, what=_WHAT, **request)
        except AppError as error:
            if error.code not in _NOT_THERE:
                raise
            raise _unreachable(error) from error


def _checked_ref(ref: str) -> str:
    """A ref becomes part of an address."""
    if not re.fullmatch(r"[a-z]{20}", ref):
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"{ref[:40]!a} is not the ref of a Supabase project",
            hint="A ref has 20 small letters; it stands in the address of the project's dashboard.",
        )
    return ref


def _checked_slug(slug: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", slug):
        raise AppError(ErrorCode.INVALID_INPUT, f"{slug[:40]!a} is not the name of an edge function")
    return slug


def _parameter(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unreachable(error: AppError) -> AppError:
    return AppError(
        ErrorCode.API_UNREACHABLE,
        "Supabase's interface cannot be reached",
        detail=f"{error.title}: {error.detail}" if error.detail else error.title,
        hint=error.hint,
    )


def _refusal(response: httpx.Response, path: str) -> AppError:
    status, said = response.status_code, words_of(response)
    detail = f"{path}: HTTP {status}" + (f", “{said}”" if said else "")
    if status == HTTPStatus.UNAUTHORIZED:
        title, code = "Supabase refused the access token", ErrorCode.TOKEN_REFUSED
        hint = f"It was revoked, or has expired: make a new one at {TOKENS_PAGE}."
    elif status == HTTPStatus.FORBIDDEN:
        title, code = "The access token may not do this", ErrorCode.TOKEN_REFUSED
        hint = "Use a token of somebody who has more rights in the organisation."
    elif status == HTTPStatus.NOT_FOUND:
        title, code = "Supabase knows nothing of it", ErrorCode.API_ERROR
        hint = "Check the project's ref, and whether the token belongs to an account that may see it."
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        title, code = "Supabase was asked too often", ErrorCode.API_ERROR
        hint = "Wait a minute, then try again."
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        title, code = "Supabase has trouble", ErrorCode.API_ERROR
        hint = "Try again later; its status page may tell more."
    else:
        title, code, hint = "Supabase refused it", ErrorCode.API_ERROR, "Try again later."
    return AppError(code, title, detail=detail, hint=hint)
