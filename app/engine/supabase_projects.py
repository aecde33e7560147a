"""Finds a user's projects at Supabase, and the way to one of them that works from this computer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.domain.errors import AppError, ErrorCode
from app.domain.project_types.supabase_hosted import DIRECT_HOST, SESSION_PORT, is_supabase_host
from app.supabase.access import SupabaseAccess
from app.supabase.cli import CliProject
from app.supabase.management_api import ASLEEP, HostedProject, ManagementApi, Pooler

_MAY_SLEEP = (
    ErrorCode.HOST_NOT_FOUND,
    ErrorCode.UNREACHABLE,
    ErrorCode.REFUSED,
    ErrorCode.TIMED_OUT,
    ErrorCode.CONNECTION_LOST,
    ErrorCode.SIGN_IN_FAILED,
    ErrorCode.SERVER_ERROR,
)
"""What a sleeping project looks like from outside; its pooler knows no such user."""

CanReach = Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A project of the user's account.

    Attributes:
        region: as Supabase names it, eu-central-1 say.
        organisation: its name, or its id where that is all that is known.
        status: as Supabase names it; `is_paused` says whether it sleeps.
        host: of its database, directly.
    """

    ref: str
    name: str
    region: str
    organisation: str
    status: str
    host: str
    is_paused: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How a project's database is reached: keywords of a connection string, and what is to be known of it."""

    keywords: dict[str, str]
    note: str = ""


def find_projects(api: ManagementApi) -> tuple[FoundProject, ...]:
    """The projects that the token may see, those that run first.

    Raises:
        AppError: why they cannot be listed.
    """
    found = api.projects()
    names = api.organisations() if found else {}
    projects = (_found(one, names) for one in found)
    return tuple(sorted(projects, key=lambda one: (one.is_paused, one.name.casefold())))


def found_by_cli(projects: Iterable[CliProject]) -> tuple[FoundProject, ...]:
    """What Supabase's own command line lists, as the API would have it."""
    found = (
        FoundProject(
            one.ref,
            one.name,
            one.region,
            one.organization_slug or one.organization_id,
            one.status,
            one.database.host,
            one.status in ASLEEP,
        )
        for one in projects
    )
    return tuple(sorted(found, key=lambda one: (one.is_paused, one.name.casefold())))


def direct_way(project: FoundProject, *, can_reach: CanReach | None = None) -> Way:
    """The way to a project without a token, which only the direct one can be: poolers cannot be guessed.

    Raises:
        AppError: PROJECT_PAUSED; UNREACHABLE, with what to do; API_ERROR for a host that is not its own.
    """
    if project.is_paused:
        raise _paused(project.name, project.status)
    host = _own_host(project.host, project.ref)
    if not (can_reach or has_route)(host, int(SESSION_PORT)):
        raise AppError(
            ErrorCode.UNREACHABLE,
            "Only the session pooler can be reached from here",
            detail=f"{host} has no address that this network reaches.",
            hint="Sign in with an access token, or copy the session pooler's string from the dashboard.",
        )
    return Way(_keywords(host, "postgres", "postgres"))


def find_way(api: ManagementApi, ref: str, *, can_reach: CanReach | None = None) -> Way:
    """The direct way where this computer has a route to it, else the session pooler.

    Direct hosts have no IPv4 address unless that is paid for, and many networks have no route for IPv6.

    Args:
        can_reach: whether there is a route to a host and port.

    Raises:
        AppError: PROJECT_PAUSED; API_ERROR where an address is not the project's own, to which no password
            may be sent; or why Supabase could not be asked.
    """
    project = api.project(ref)
    if project.is_paused:
        raise _paused(project.name, project.status)
    host = _own_host(project.database.host, ref)
    if (can_reach or has_route)(host, int(SESSION_PORT)):
        return Way(_keywords(host, "postgres", "postgres"))
    pooler = _pooler_of(api, ref, host)
    return Way(
        _keywords(pooler.db_host, pooler.db_user, pooler.db_name),
        f"{host} has no address that this network reaches, so the session pooler is used.",
    )


def pooler_keywords(api: ManagementApi, ref: str, keywords: Mapping[str, str]) -> dict[str, str]:
    """The keywords that lead to the same database, as the same role, through its session pooler.

    Args:
        keywords: of a connection string that leads to the project directly.

    Raises:
        AppError: PROJECT_PAUSED; UNREACHABLE where the project has no pooler; API_ERROR where the pooler is
            not the project's own; or why Supabase could not be asked.
    """
    project = api.project(ref)
    if project.is_paused:
        raise _paused(project.name, project.status)
    pooler = _pooler_of(api, ref, keywords.get("host", ""))
    role = keywords.get("user") or pooler.db_user.rpartition(".")[0]
    words = {key: value for key, value in keywords.items() if key != "hostaddr"}
    words |= {"host": pooler.db_host, "port": SESSION_PORT, "user": f"{role}.{ref}"}
    return {"dbname": pooler.db_name, "sslmode": "require", **words}


def if_paused(error: AppError, access: SupabaseAccess | None) -> AppError:
    """A failure to reach a project, or that it sleeps, where that is why.

    It is asked with the user's token, if there is one; what cannot be asked leaves the failure as it is.
    """
    if error.code not in _MAY_SLEEP or access is None or access.management is None or not access.ref:
        return error
    try:
        project = access.management.project(access.ref)
    except AppError:
        return error
    return _paused(project.name, project.status) if project.is_paused else error


def has_route(host: str, port: int) -> bool:
    """Whether the computer has an address of a host, and a route to it; nothing is sent."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.connect(address)  # of a datagram socket: it looks for a route, no more
        except OSError:
            continue
        return True
    return False


def _paused(name: str, status: str) -> AppError:
    return AppError(
        ErrorCode.PROJECT_PAUSED,
        f"The project {name} is paused",
        detail=f"Supabase calls it {status}.",
        hint="Start it in Supabase's dashboard and wait until it runs, then try again.",
    )


def _own_host(host: str, ref: str) -> str:
    named = host or f"db.{ref}.supabase.co"
    direct = DIRECT_HOST.fullmatch(named.casefold())
    if direct is None or direct[1] != ref:
        raise _not_its_own(named, ref)
    return named


def _keywords(host: str, user: str, database: str) -> dict[str, str]:
    return {"host": host, "port": SESSION_PORT, "dbname": database, "user": user, "sslmode": "require"}


def _pooler_of(api: ManagementApi, ref: str, direct: str) -> Pooler:
    pooler = api.session_pooler(ref)
    if pooler is None:
        raise AppError(
            ErrorCode.UNREACHABLE,
            "There is no way to the database from here",
            detail=f"{direct} has no address that this network reaches, and the project no pooler.",
            hint="Connect through a network with IPv6, or add IPv4 to the project.",
        )
    _check_pooler(pooler, ref)
    return pooler


def _check_pooler(pooler: Pooler, ref: str) -> None:
    is_pooler = is_supabase_host(pooler.db_host) and ".pooler." in pooler.db_host
    if not is_pooler or pooler.db_user.rpartition(".")[2] != ref:
        raise _not_its_own(f"{pooler.db_user}@{pooler.db_host}", ref)


def _not_its_own(address: str, ref: str) -> AppError:
    return AppError(
        ErrorCode.API_ERROR,
        "Supabase gave an address that is not the project's own",
        detail=f"{address[:200]!a} for {ref}",
        hint="No password is sent there. Copy the connection string from the project's dashboard.",
    )


def _found(project: HostedProject, organisations: dict[str, str]) -> FoundProject:
    organisation = organisations.get(project.organization_id, project.organization_id)
    return FoundProject(
        project.ref,
        project.name,
        project.region,
        organisation,
        project.status,
        project.database.host,
        project.is_paused,
    )
