"""What of the settings may be shown to strangers, who are to find out why something does not work.

Everything is left out unless it is named here: what a user typed can be anything, a password in a wrong
field too. Projects and hosts have numbers, because their names are those of customers and of machines; what
the log says of them is changed likewise, so that both can be read side by side.
"""

from __future__ import annotations

import getpass
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from app.domain.backup import BackupOptions
from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError
from app.domain.project import Project
from app.domain.project_types import type_of
from app.domain.reminders import Channel, Command, DeadMan, Email, Reminders, Webhook
from app.domain.schedule import Schedule, zone_named
from app.persistence.settings import Settings
from app.system.log import without_secrets

_NUMBERS = re.compile(r"\d{1,5}(,\d{1,5})*", re.ASCII)
_CRON = re.compile(r"[\d*/,L-]{1,30}( [\d*/,L-]{1,30}){4}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2}", re.ASCII)
_TLS = ("sslmode", "sslnegotiation", "channel_binding", "gssencmode")
_TLS_WORDS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full", "postgres", "direct")
_NAMED = (
    *("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "passfile", "service", "servicefile"),
    *("options", "hostaddr", "connect_timeout", "target_session_attrs", "require_auth", "krbsrvname"),
    *("keepalives", "keepalives_idle", "tcp_user_timeout", "load_balance_hosts", "client_encoding"),
)
_COMMON = {
    *("postgres", "localhost", "127.0.0.1", "::1", "public", "holdfast", "root", "user", "database"),
    *("backup", "proof", "restore", "window", "true", "false", "default", "utf8", *_TLS_WORDS),
}
_SHORTEST = 3


def public_settings(settings: Settings) -> dict[str, object]:
    """The settings without secrets and names; of free text only what has a form in which none fits."""
    return {
        "destination": "chosen" if settings.destination else "default",
        "stall_seconds": settings.stall_seconds,
        "jobs": settings.jobs,
        "prove_weekly": settings.prove_weekly,
        "language": _fitting(settings.language, _LANGUAGE),
        "appearance": settings.appearance.value,
        "times": settings.times.value,
        "on_close": settings.on_close.value,
        "tray": settings.tray,
        "start_at_login": settings.start_at_login,
        "updates": settings.updates,
        "paused": settings.paused_until is not None,
        "projects": {f"project-{n}": _project(one) for n, one in enumerate(settings.projects, 1)},
        "schedules": [_schedule(one, settings.projects) for one in settings.schedules],
        "reminders": _reminders(settings.reminders),
    }


def masked(text: str, settings: Settings | None) -> str:
    """Text, of a log say, in which the settings' own names and addresses are replaced, and secrets gone."""
    text = without_secrets(text)
    names = {word.lower(): instead for word, instead in _names(settings)} if settings else {}
    login = _login()
    if len(login) >= _SHORTEST and login not in _COMMON:
        names.setdefault(login.lower(), "user")
    home = str(Path.home())
    if home != "/":
        text = text.replace(home, "~")
    if not names:
        return text
    longest_first = sorted(names, key=len, reverse=True)
    words = "|".join(map(re.escape, longest_first))
    pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
    return pattern.sub(lambda found: names.get(found[0].lower(), "…"), text)


def _names(settings: Settings) -> Iterator[tuple[str, str]]:
    """What identifies somebody, and what stands for it: a number where there is one, else dots."""
    found: list[tuple[str, str]] = []
    for number, project in enumerate(settings.projects, 1):
        words = _keywords(project)
        found += [(one, f"host-{number}") for one in (*_split(words.get("host")), *_split(project.api_url))]
        found += [(words.get("user", ""), f"user-{number}"), (words.get("dbname", ""), f"database-{number}")]
        found += [(value, "…") for name, value in words.items() if name != "port"]
        found += [(project.supabase, f"ref-{number}"), (project.name, f"project-{number}")]
    found += [(one.name, "schedule") for one in settings.schedules]
    found += [(one.options.note, "…") for one in settings.schedules]
    for channel in Channel:
        found += [(one, "…") for one in _told_to(settings.reminders.of(channel))]
    known: set[str] = set()
    for word, instead in sorted(found, key=lambda one: one[1] == "…"):  # dots come last
        word = word.strip()
        is_name = len(word) >= _SHORTEST and word.lower() not in _COMMON and not _NUMBERS.fullmatch(word)
        if is_name and word.lower() not in known:
            known.add(word.lower())
            yield word, instead


def _told_to(of: object) -> Iterable[str]:
    match of:
        case Email():
            return of.server, of.sender, *of.to, of.user
        case Command():
            return of.argv
        case Webhook() | DeadMan():
            return of.url, *_split(of.url)
    return ()


def _split(text: str | None) -> tuple[str, ...]:
    """The hosts of a list of them, or of an address."""
    if not text:
        return ()
    if "://" in text:
        try:
            return (urlsplit(text).hostname or "",)
        except ValueError:
            return ()
    return tuple(text.split(","))


def _keywords(project: Project) -> Mapping[str, str]:
    try:
        return conninfo_keywords(project.conninfo)
    except ValueError:  # an address with half a bracket
        return {}


def _project(project: Project) -> dict[str, object]:
    words = _keywords(project)
    tls = {name: _one_of(words[name], _TLS_WORDS) for name in _TLS if name in words}
    return {
        "type": type_of(words).name,
        "host": "; ".join(map(_host_kind, words.get("host", "").split(","))),
        "port": _fitting(words.get("port", ""), _NUMBERS),
        **tls,
        "with": sorted(set(words).intersection(_NAMED)),
        "supabase": bool(project.supabase),
        "api": bool(project.api_url),
    }


def _host_kind(host: str) -> str:
    """Where a host is, without saying which it is."""
    if not host or host.startswith(("/", "@")):
        return "socket"
    if host.casefold() == "localhost":
        return "this computer"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "name" if "." in host else "name without a dot"
    where = "this computer" if address.is_loopback else "private" if address.is_private else "public"
    return f"IPv{address.version}, {where}"


def _schedule(schedule: Schedule, projects: Iterable[Project]) -> dict[str, object]:
    same = (n for n, one in enumerate(projects, 1) if one.name.casefold() == schedule.project.casefold())
    conditions, rules = schedule.conditions, schedule.retention
    return {
        "project": next((f"project-{number}" for number in same), "none"),
        "cron": _fitting(schedule.cron, _CRON),
        "zone": _zone(schedule.zone),
        "enabled": schedule.enabled,
        "paused": schedule.paused_until is not None,
        "destination": "own" if schedule.destination else "default",
        "mains_power": conditions.mains_power,
        "not_metered": conditions.not_metered,
        "server_reachable": conditions.server_reachable,
        "jitter_seconds": schedule.jitter_seconds,
        "keeps": "all" if rules.is_off else "by rules",
        "trash": schedule.trash,
        **_options(schedule.options),
    }


def _options(options: BackupOptions) -> dict[str, object]:
    return {
        "contents": options.contents.value,
        "format": options.format.value,
        "compression": str(options.compression) if options.compression else "best",
        "jobs": options.jobs,
        "proof": options.proof.value,
        "selects": len(options.schemas) + len(options.tables),
        "leaves_out": len(options.excluded_tables),
        "parts": [
            name for name in ("roles", "storage", "functions", "configuration") if getattr(options, name)
        ],
    }


def _reminders(reminders: Reminders) -> dict[str, object]:
    found: dict[str, object] = {}
    for channel, of in reminders.active.items():
        match of:
            case Email():
                about = f"{_host_kind(of.server)}, port {of.port}, {of.tls.value}, to {len(of.to)}"
                found[channel.value] = about + (", with a sign-in" if of.user else "")
            case Command():
                found[channel.value] = f"a program with {max(0, len(of.argv) - 1)} arguments"
            case Webhook():
                found[channel.value] = _site(of.url) + (", with a token" if of.has_token else "")
            case DeadMan():
                found[channel.value] = _site(of.url)
    return found


def _site(url: str) -> str:
    """Whose service an address is of: the end of its host, since some have a secret at its beginning."""
    (host,) = _split(url) or ("",)
    kind = _host_kind(host)
    scheme = url.partition("://")[0]
    domain = ".".join(host.split(".")[-2:]) if kind == "name" else kind
    return f"{_one_of(scheme, ('http', 'https'))}, {domain}"


def _zone(name: str) -> str:
    try:
        zone_named(name)
    except AppError:
        return "unknown"
    return name


def _fitting(text: str, form: re.Pattern[str]) -> str:
    return text if not text or form.fullmatch(text) else "of another form"


def _one_of(text: str, known: Iterable[str]) -> str:
    return text if text in known else "of another form"


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
