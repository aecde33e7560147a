"""What Holdfast knows of a kind of project beyond its connection string, as one value each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Keywords = Mapping[str, str]
"""What a connection string says, as libpq's keywords."""

ANY_AUTHORITY = "Give its authority's certificate with sslrootcert=FILE."


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Keywords that go around a pooler on which a backup cannot rest, and a sentence that says so."""

    keywords: dict[str, str]
    reason: str


def _has_no_pooler(_: Keywords) -> Rewrite | None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class ProjectType:
    """A kind of project; hints are sentences, in which `{user}` stands for the role that asks.

    Attributes:
        name: stable, for settings and JSON.
        title: for people.
        recognises: whether a string is one of its own, from the string alone.
        sslmode: what counts where the string says nothing; empty for libpq's own choice.
        around_pooler: the same database without the transaction pooler that the string names, if it does.
        direct: how to get at the database without a transaction pooler, where no rule can tell.
        administrator: the role that stands in for a superuser, which no user gets; empty where there is one.
        to_read_all: how a role comes to read everything.
        to_see_all_rows: how a role comes to see rows that row security hides.
        authority: where the certificate comes from with which the server's own can be checked.
        unreachable: why a host may not be found or reached, where there is a reason of its own.
        has_session_pooler: whether an unreachable host has a pooler beside it that can be reached.
        preset: keywords with which a new project of this kind begins; a password if all of them have it.
    """

    name: str
    title: str
    recognises: Callable[[Keywords], bool]
    sslmode: str = ""
    around_pooler: Callable[[Keywords], Rewrite | None] = _has_no_pooler
    direct: str = "Use the server's own port, or a pooler in session mode."
    administrator: str = ""
    to_read_all: str = 'Run: GRANT pg_read_all_data TO "{user}"; or use --exclude-table.'
    to_see_all_rows: str = 'Run: ALTER ROLE "{user}" BYPASSRLS; or back up as a role that has it.'
    authority: str = ANY_AUTHORITY
    unreachable: str = ""
    has_session_pooler: Callable[[Keywords], bool] = field(default=lambda _: False)
    preset: Keywords = field(default_factory=dict)


def hosts_of(keywords: Keywords) -> tuple[str, ...]:
    """The names of the hosts, in small letters; none for sockets and addresses without a name."""
    hosts = (host.strip().casefold() for host in keywords.get("host", "").split(","))
    return tuple(host for host in hosts if host and not host.startswith(("/", "@")))


def all_hosts_end_with(*endings: str) -> Callable[[Keywords], bool]:
    """Whether a string names hosts, and each of them is below one of these domains."""

    def recognises(keywords: Keywords) -> bool:
        hosts = hosts_of(keywords)
        return bool(hosts) and all(host.endswith(endings) for host in hosts)

    return recognises


def with_other_port(keywords: Keywords, pooler: str, direct: str) -> dict[str, str] | None:
    """The keywords with another port in the pooler's place; None where they do not name it."""
    ports = keywords.get("port", "").split(",")
    if pooler not in ports:
        return None
    return {**keywords, "port": ",".join(direct if port == pooler else port for port in ports)}
