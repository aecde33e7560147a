"""`holdfast reminders`: who is told when nobody looks at the window, and how."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from app.cli import Exit
from app.cli.console import error_object, print_json, shown
from app.cli.options import json_option
from app.cli.reminder_words import CHANNEL, channel_object, channel_sentence, silent_channels
from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.domain.reminder_text import WRONG
from app.domain.reminders import (
    ALARMS,
    AnyChannel,
    Channel,
    Command,
    DeadMan,
    Email,
    MailTls,
    Occasion,
    Webhook,
    field_of,
    problems,
)
from app.persistence import secrets
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import change_settings, load_settings, settings_path

_PORTS = {MailTls.STARTTLS: 587, MailTls.SSL: 465, MailTls.NONE: 25}
_ALL = "all"
_Verb = TypeVar("_Verb", bound=Callable[..., Any])

channel_argument = click.argument("channel", type=click.Choice([one.value for one in Channel]))


class _Occasions(click.ParamType[tuple[Occasion, ...]]):
    """Events, with commas between them."""

    name = "events"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Occasion, ...]:
        """The events in the order in which Holdfast has them."""
        names = {one.strip() for one in str(value).split(",")}
        if names == {_ALL}:
            return tuple(Occasion)
        unknown = names - set(Occasion)
        if unknown:
            self.fail(f"“{min(unknown)}” is none of {', '.join(Occasion)}, {_ALL}", param, ctx)
        return tuple(one for one in Occasion if one in names)


def _events_option(verb: _Verb) -> _Verb:
    return click.option(
        "--events",
        type=_Occasions(),
        metavar="EVENT,…",
        help=f"What to tell: {', '.join(Occasion)}, or {_ALL}. [default: all but succeeded]",
    )(verb)


_secret_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password or token from standard input, one line."
)


@click.group()
def reminders() -> None:
    """Tell of failures by e-mail, a command, a webhook, or a dead-man's switch, where no window is open."""


@reminders.command(name="list")
@json_option
def list_(as_json: bool) -> Exit:
    """List the channels that are set, and whether reminders get through."""
    settings = load_settings(settings_path())
    with Catalog(catalog_path()) as catalog:
        tries = catalog.tries()
    found = {channel: settings.reminders.of(channel) for channel in Channel}
    if as_json:
        print_json({channel: channel_object(channel, settings.reminders, tries) for channel in Channel})
        return Exit.DONE
    if not any(found.values()):
        click.echo("Nobody is told yet: “holdfast reminders set” chooses how.")
    for channel, of in found.items():
        if of is not None:
            state = "" if of.enabled else " (off)"
            click.echo(f"{channel:<9} {channel_sentence(of)}{state}")
            click.echo(f"          tells of {', '.join(of.occasions)}")
    for line in silent_channels(settings, tries):
        click.secho(line, fg="red")
    return Exit.DONE


@reminders.group(name="set")
def set_() -> None:
    """Set a channel, or change what is given of one that is set."""


@set_.command()
@click.option("--to", multiple=True, metavar="ADDRESS", help="Who gets it; may be given more than once.")
@click.option("--from", "sender", metavar="ADDRESS", help="Who it is from.")
@click.option("--server", metavar="HOST[:PORT]", help="The mail server. [default ports: 587, 465, 25]")
@click.option(
    "--tls",
    type=click.Choice([one.value for one in MailTls]),
    help="How the connection is encrypted; none is for a server on this computer.  [default: starttls]",
)
@click.option("--user", metavar="NAME", help="For the sign-in; empty for none. Its password is asked for.")
@_secret_option
@_events_option
def email(
    to: tuple[str, ...],
    sender: str | None,
    server: str | None,
    tls: str | None,
    user: str | None,
    password_stdin: bool,
    events: tuple[Occasion, ...] | None,
) -> Exit:
    """Send an e-mail over an SMTP server. The password is kept in the keyring."""
    old = load_settings(settings_path()).reminders.email
    way = MailTls(tls) if tls else old.tls if old else MailTls.STARTTLS
    host, port = _host_and_port(server or "", way) if server else ("", 0)
    made = Email(
        server=host or (old.server if old else ""),
        port=port or (old.port if old and not tls else _PORTS[way]),
        sender=sender or (old.sender if old else ""),
        to=to or (old.to if old else ()),
        since=datetime.now(UTC),
        tls=way,
        user=(old.user if old else "") if user is None else user,
        occasions=events or (old.occasions if old else ALARMS),
    )
    is_needed = bool(made.user) and (old is None or old.user != made.user)
    return _keep(
        Channel.EMAIL, made, "Password", has_secret=bool(made.user), ask=is_needed, given=password_stdin
    )


@set_.command(context_settings={"ignore_unknown_options": True})
@_events_option
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="-- PROGRAM [ARGUMENT]…", required=True)
def command(events: tuple[Occasion, ...] | None, argv: tuple[str, ...]) -> Exit:
    """Run a program, without a shell. It is told in HOLDFAST_… variables and as JSON on standard input."""
    old = load_settings(settings_path()).reminders.command
    made = Command(argv, datetime.now(UTC), events or (old.occasions if old else ALARMS))
    return _keep(Channel.COMMAND, made)


@set_.command()
@click.argument("url")
@click.option("--token/--no-token", default=None, help="Send a token along, as Authorization: Bearer.")
@_secret_option
@_events_option
def webhook(url: str, token: bool | None, password_stdin: bool, events: tuple[Occasion, ...] | None) -> Exit:
    """Post JSON to URL. The token, which is asked for, is kept in the keyring."""
    old = load_settings(settings_path()).reminders.webhook
    has_token = (old.has_token if old else False) if token is None else token
    occasions = events or (old.occasions if old else ALARMS)
    made = Webhook(url, datetime.now(UTC), has_token or password_stdin, occasions)
    return _keep(
        Channel.WEBHOOK, made, "Token", has_secret=made.has_token, ask=bool(token), given=password_stdin
    )


@set_.command(name="dead-man")
@click.argument("url")
@click.option(
    "--fail/--no-fail", "tells_failures", default=None, help="Ask for URL/fail where something is wrong."
)
def dead_man(url: str, tells_failures: bool | None) -> Exit:
    """Ask for URL after each success, while all schedules are well: the service there misses it otherwise."""
    old = load_settings(settings_path()).reminders.dead_man
    wanted = (old.tells_failures if old else False) if tells_failures is None else tells_failures
    return _keep(Channel.DEAD_MAN, DeadMan(url, datetime.now(UTC), wanted))


@reminders.command()
@channel_argument
def remove(channel: str) -> Exit:
    """Tell nobody over CHANNEL any more, and forget its password."""
    one = Channel(channel)
    of = load_settings(settings_path()).reminders.of(one)
    if of is None:
        raise _not_set(one)
    has_secret = bool(of.user) if isinstance(of, Email) else isinstance(of, Webhook) and of.has_token
    if has_secret and secrets.probe().usable:
        secrets.delete_password(one.value, secrets.REMINDERS)
    _store(one, None)
    click.echo(f"Removed: nobody is told by {CHANNEL[one]}.")
    return Exit.DONE


@reminders.command()
@click.argument("channel", required=False, type=click.Choice([one.value for one in Channel]))
@json_option
def test(channel: str | None, as_json: bool) -> Exit:
    """Send a test over CHANNEL, or over all that are set, and say what came of it."""
    from app.engine.reminders import send_trial

    settings = load_settings(settings_path())
    found = {one: of for one in Channel if (of := settings.reminders.of(one)) is not None}
    if channel is not None:
        found = {one: of for one, of in found.items() if one == channel}
    if not found:
        raise _not_set(Channel(channel) if channel else None)
    tested: list[dict[str, object]] = []
    for one, of in found.items():
        failure, problem = None, ""
        try:
            problem = send_trial(of)
        except AppError as error:
            failure = error
        tested.append(
            {
                "channel": one,
                "sent": failure is None,
                "problem": problem,
                "error": error_object(failure) if failure else None,
            }
        )
        if not as_json:
            _print_tested(one, of, failure, problem)
    if as_json:
        print_json({"tests": tested})
    return Exit.DONE if all(one["sent"] for one in tested) else Exit.FAILED


def _print_tested(channel: Channel, of: AnyChannel, failure: AppError | None, problem: str) -> None:
    if failure is None:
        click.echo(f"✓ {CHANNEL[channel]}: sent, {channel_sentence(of)}")
        if problem:
            click.secho(f"  {shown(problem)}", fg="yellow")
        return
    click.secho(f"✗ {CHANNEL[channel]}: {shown(failure.title)}", fg="red")
    for text in filter(None, (failure.detail, failure.hint)):
        click.echo(f"  {shown(text)}")


def _keep(
    channel: Channel,
    made: AnyChannel,
    what: str = "",
    *,
    has_secret: bool = False,
    ask: bool = False,
    given: bool = False,
) -> Exit:
    """Check and keep a channel; its secret goes to the keyring first, so that nothing half is kept.

    Args:
        channel: which.
        made: what is to be kept.
        what: the secret's name for people.
        has_secret: it needs one.
        ask: it needs a new one.
        given: it stands on standard input.
    """
    for name, problem in problems(made).items():
        option = {"sender": "from", "argv": "program"}.get(name, name)
        raise AppError(ErrorCode.INVALID_INPUT, f"{option}: {WRONG[problem]}")
    note = ""
    if has_secret and (ask or given):
        secret = _read_secret(what, given=given)
        state = secrets.probe()
        if secret is None:
            note = f"No {what.lower()} was given."
        elif state.usable:
            secrets.set_password(channel.value, secret, secrets.REMINDERS)
            click.echo(f"The {what.lower()} is stored in {state.name}.")
        else:
            note = f"The {what.lower()} was not stored. {state.problem}"
    _store(channel, made)
    click.echo(f"Reminders go by {CHANNEL[channel]}: {channel_sentence(made)}")
    if note:
        from app.engine.reminders import PASSWORD_VARIABLES

        click.secho(shown(note), fg="yellow", err=True)
        click.echo(f"Without a keyring, set {PASSWORD_VARIABLES[channel]} in the environment.", err=True)
    click.echo(f"“holdfast reminders test {channel}” tries it.")
    return Exit.DONE


def _read_secret(what: str, *, given: bool) -> Secret | None:
    if given:
        text = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        text = click.prompt(what, hide_input=True, default="", show_default=False, err=True)
    else:
        return None
    return Secret(text) if text else None


def _store(channel: Channel, made: AnyChannel | None) -> None:
    change_settings(
        settings_path(),
        lambda settings: replace(
            settings,
            reminders=replace(settings.reminders, **{field_of(channel): made}),  # type: ignore[arg-type]
        ),
    )


def _host_and_port(text: str, tls: MailTls) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or ("]" in port) or (":" in host and not host.startswith("[")):
        return text.strip("[]"), _PORTS[tls]
    if not port.isdecimal():
        raise AppError(ErrorCode.INVALID_INPUT, f"server: “{port}” is no port")
    return host.strip("[]"), int(port)


def _not_set(channel: Channel | None) -> AppError:
    what = f"{CHANNEL[channel]} is" if channel else "channel is"
    return AppError(
        ErrorCode.INVALID_INPUT,
        f"No {what} set",
        hint="“holdfast reminders set --help” shows how to set one.",
    )
