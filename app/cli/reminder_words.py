"""Says in English how reminders are set and how they fare."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from app.cli.console import shown
from app.domain.reminder_rules import silence, silences
from app.domain.reminders import (
    AnyChannel,
    Channel,
    Command,
    DeadMan,
    Email,
    Reminders,
    Try,
    Webhook,
    address_of_site,
)
from app.persistence.settings import Settings

CHANNEL = {
    Channel.EMAIL: "e-mail",
    Channel.COMMAND: "command",
    Channel.WEBHOOK: "webhook",
    Channel.DEAD_MAN: "dead-man's switch",
}


def channel_sentence(of: AnyChannel) -> str:
    """Where it goes, without what could be a secret."""
    return shown(_sentence(of))


def _sentence(of: AnyChannel) -> str:
    match of:
        case Email():
            user = f", as {of.user}" if of.user else ""
            return f"to {', '.join(of.to)} over {of.server}:{of.port} ({of.tls}{user})"
        case Command():
            return shlex.join(of.argv)
        case Webhook():
            return f"{address_of_site(of.url)}{' with a token' if of.has_token else ''}"
        case DeadMan():
            return f"{address_of_site(of.url)}{', failures at /fail' if of.tells_failures else ''}"


def channel_object(channel: Channel, reminders: Reminders, tries: Sequence[Try]) -> dict[str, object]:
    """A channel as `--json` prints it."""
    of = reminders.of(channel)
    if of is None:
        return {"set": False}
    own = [one for one in tries if one.channel is channel]
    return {
        "set": True,
        "enabled": of.enabled,
        "where": channel_sentence(of),
        "events": of.occasions,
        "since": of.since,
        "last_sent": next((one.at for one in reversed(own) if one.sent), None),
        "fails": silence(channel, of.since, own),
    }


def silent_channels(settings: Settings, tries: Sequence[Try]) -> Iterator[str]:
    """A sentence for each channel over which nothing can be told at the moment."""
    for found in silences(settings.reminders, tries):
        number = f"{found.tries} tries" if found.tries > 1 else "one try"
        since = f"{found.since:%Y-%m-%d %H:%M} UTC"
        way = CHANNEL[found.channel]
        yield f"Reminders by {way} do not get through since {since} ({number}): {shown(found.problem)}"
