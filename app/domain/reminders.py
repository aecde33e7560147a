"""What is told to somebody who looks at no window, and over which channels. Passwords live elsewhere."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit


class Occasion(StrEnum):
    """What there is to tell."""

    FAILING = "failing"
    """An attempt of a schedule failed, the first since its last good backup; others follow."""
    FAILED = "failed"
    """All attempts at a slot failed."""
    PROOF_FAILED = "proof-failed"
    """A backup was made and is not good, or is not good any more."""
    OVERDUE = "overdue"
    """A schedule has been without a good backup for longer than it may be."""
    RECOVERED = "recovered"
    """There is a good backup again, after a reminder that there was none."""
    SUCCEEDED = "succeeded"
    """A scheduled backup was made and is good."""

    @property
    def is_alarm(self) -> bool:
        """Something is wrong."""
        return self not in (Occasion.RECOVERED, Occasion.SUCCEEDED)


class Channel(StrEnum):
    """How it is told."""

    EMAIL = "email"
    COMMAND = "command"
    WEBHOOK = "webhook"
    DEAD_MAN = "dead-man"


@dataclass(frozen=True, slots=True)
class Reminder:
    """One thing to tell, as facts; no value of any row is among them.

    Attributes:
        key: names the thing for ever, so that it is told once.
        occasion: what it is.
        project: whose.
        at: since when it is so, in UTC.
        schedule: id; empty for a backup that newer good ones have replaced.
        schedule_name: what the user calls it; may be empty.
        slot: the moment at which the backup was due.
        attempts: how many failed.
        next_attempt: when the next one follows.
        error_code, error_title: why the last attempt failed.
        last_good: when the newest good backup was made.
        backup: id of the backup that this is about.
        bytes: its size.
        proof: how far it is proven.
    """

    key: str
    occasion: Occasion
    project: str
    at: datetime
    schedule: str = ""
    schedule_name: str = ""
    slot: datetime | None = None
    attempts: int = 0
    next_attempt: datetime | None = None
    error_code: str = ""
    error_title: str = ""
    last_good: datetime | None = None
    backup: str = ""
    bytes: int = 0
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """One try to tell something.

    Attributes:
        channel: how.
        key: of the reminder.
        occasion, project, schedule: of it, too.
        at: when it was tried, in UTC.
        sent: it was taken.
        problem: why it was not, or who did not get it, as a sentence.
    """

    channel: Channel
    key: str
    occasion: Occasion
    project: str
    schedule: str
    at: datetime
    sent: bool = False
    problem: str = ""


class MailTls(StrEnum):
    """How the connection to a mail server is kept secret."""

    STARTTLS = "starttls"
    """It begins in the open and must turn to TLS before anything is told; port 587."""
    SSL = "ssl"
    """TLS from the first byte on; port 465."""
    NONE = "none"
    """Not at all: for a server on this computer, or one that asks for no password."""


ALARMS = tuple(occasion for occasion in Occasion if occasion is not Occasion.SUCCEEDED)
"""What is told unless the user chooses: all that is wrong, and that it is right again."""


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server, and who writes to whom.

    Attributes:
        server: name or address.
        port: of the server.
        sender: the address in From.
        to: addresses.
        since: when this was set, in UTC; as in all channels.
        tls: how the connection is kept secret.
        user: for the sign-in, whose password is in the keyring; empty where the server asks for none.
        occasions: what is told.
        enabled: switched on.
    """

    server: str
    port: int
    sender: str
    to: tuple[str, ...]
    since: datetime
    tls: MailTls = MailTls.STARTTLS
    user: str = ""
    occasions: tuple[Occasion, ...] = ALARMS
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """A program that is run, without a shell: `argv` is the program and its arguments."""

    argv: tuple[str, ...]
    since: datetime
    occasions: tuple[Occasion, ...] = ALARMS
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes JSON. `has_token`: a token in the keyring is sent along."""

    url: str
    since: datetime
    has_token: bool = False
    occasions: tuple[Occasion, ...] = ALARMS
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class DeadMan:
    """An address that is asked for after each success, so that a service misses it when there is none.

    Attributes:
        url: as the service gave it.
        since: when this was set.
        tells_failures: it is asked for with `/fail` at its end where something is wrong, as healthchecks.io
            has it (healthchecks.io/docs/signaling_failures).
        enabled: switched on.
    """

    url: str
    since: datetime
    tells_failures: bool = False
    enabled: bool = True

    @property
    def occasions(self) -> tuple[Occasion, ...]:
        """What it is told; a first failure is no reason yet, since attempts follow."""
        wrong = (Occasion.FAILED, Occasion.PROOF_FAILED, Occasion.OVERDUE)
        return (*(wrong if self.tells_failures else ()), Occasion.SUCCEEDED)


AnyChannel = Email | Command | Webhook | DeadMan


@dataclass(frozen=True, slots=True)
class Reminders:
    """The channels that are set; None where one is not."""

    email: Email | None = None
    command: Command | None = None
    webhook: Webhook | None = None
    dead_man: DeadMan | None = None

    def of(self, channel: Channel) -> AnyChannel | None:
        """What is set of a channel."""
        found: AnyChannel | None = getattr(self, field_of(channel))
        return found

    @property
    def active(self) -> dict[Channel, AnyChannel]:
        """The channels that are set and switched on."""
        found = {channel: self.of(channel) for channel in Channel}
        return {channel: one for channel, one in found.items() if one is not None and one.enabled}


def field_of(channel: Channel) -> str:
    """The name of a channel's field in `Reminders`."""
    return channel.value.replace("-", "_")


class Problem(StrEnum):
    """What is wrong with a field of a channel."""

    EMPTY = "empty"
    NOT_A_HOST = "not-a-host"
    NOT_A_PORT = "not-a-port"
    NOT_AN_ADDRESS = "not-an-address"
    NOT_A_URL = "not-a-url"
    HOLDS_PASSWORD = "holds-password"  # noqa: S105 - is none
    """User or password stand in the URL; they would be kept in the settings."""
    NEEDS_TLS = "needs-tls"
    """A password or token would go over a network in the open."""


_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")


def problems(of: AnyChannel) -> dict[str, Problem]:
    """What is wrong with which field; empty when the channel can be tried."""
    match of:
        case Email():
            return _mail_problems(of)
        case Command():
            return {} if of.argv and of.argv[0].strip() else {"argv": Problem.EMPTY}
        case Webhook():
            return _url_problems(of.url, has_secret=of.has_token)
        case DeadMan():
            return _url_problems(of.url, has_secret=False)


def is_this_computer(host: str) -> bool:
    """True for names and addresses that never leave this computer."""
    name = host.strip("[]").rstrip(".").casefold()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def address_of_site(url: str) -> str:
    """A URL as far as it can be shown: what follows the host can be a secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "…"
    return (
        f"{parts.scheme}://{parts.hostname or ''}{port}{'/…' if parts.path.strip('/') or parts.query else ''}"
    )


def _mail_problems(email: Email) -> dict[str, Problem]:
    found: dict[str, Problem] = {}
    if not email.server.strip():
        found["server"] = Problem.EMPTY
    elif not _HOST.fullmatch(email.server):
        found["server"] = Problem.NOT_A_HOST
    if not 1 <= email.port <= 65_535:
        found["port"] = Problem.NOT_A_PORT
    for name, addresses in (("sender", (email.sender,)), ("to", email.to or ("",))):
        if not any(addresses):
            found[name] = Problem.EMPTY
        elif not all(_ADDRESS.fullmatch(one) and one.isprintable() for one in addresses):
            found[name] = Problem.NOT_AN_ADDRESS
    if email.user and email.tls is MailTls.NONE and not is_this_computer(email.server):
        found["tls"] = Problem.NEEDS_TLS
    return found


def _url_problems(url: str, *, has_secret: bool) -> dict[str, Problem]:
    if not url.strip():
        return {"url": Problem.EMPTY}
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        is_whole = False
        parts = urlsplit("")
    if not is_whole or not url.isascii() or not url.isprintable() or " " in url:
        return {"url": Problem.NOT_A_URL}
    if "@" in parts.netloc:
        return {"url": Problem.HOLDS_PASSWORD}
    if has_secret and parts.scheme == "http" and not is_this_computer(parts.hostname or ""):
        return {"url": Problem.NEEDS_TLS}
    return {}
