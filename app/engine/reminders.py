"""Tells people and programs what the history says they should know, and records each try."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.domain.reminder_rules import Standing, doubtful, due_pings, due_reminders, standing
from app.domain.reminder_text import WRONG, body, facts, facts_environment, facts_json, subject, trial
from app.domain.reminders import (
    AnyChannel,
    Channel,
    Command,
    DeadMan,
    Email,
    Occasion,
    Reminder,
    Try,
    Webhook,
    problems,
)
from app.engine.scheduler import only_one
from app.persistence import secrets
from app.persistence.catalog import Catalog
from app.persistence.history_query import HistoryFilter, ProofFilter
from app.persistence.settings import Settings
from app.system.process import Child, child_environment

PASSWORD_VARIABLES = {
    Channel.EMAIL: "HOLDFAST_EMAIL_PASSWORD",
    Channel.WEBHOOK: "HOLDFAST_WEBHOOK_TOKEN",
}
"""Where a password or token is looked for before the keyring: machines without a desktop have none."""

COMMAND_SECONDS = 60.0
MAIL_SECONDS = WEB_SECONDS = 30.0

_MOST_DOUBTS = 100
_INTERRUPTED = "Holdfast ended while it was told"
_log = logging.getLogger(__name__)


def remind(
    settings: Settings, catalog: Catalog, now: datetime, waiting: Collection[str] = ()
) -> tuple[Try, ...]:
    """Tell what is due over every channel, and give what was tried; nothing while another process does.

    A channel that fails rests for a while, see `reminder_rules.RETRY_AFTER`.

    Args:
        settings: with channels and schedules.
        catalog: the history; it takes the tries.
        now: in UTC.
        waiting: ids of schedules whose slot is due and held back by a condition.

    Raises:
        AppError: the catalog cannot be read or written. What cannot be recorded is not sent, for it
            would be sent again each minute.
    """
    if not settings.reminders.active:
        return ()
    with only_one("reminders") as is_ours:
        if not is_ours:
            return ()
        standings = _standings(settings, catalog, now, waiting)
        failed = catalog.page(HistoryFilter(proofs=(ProofFilter.FAILED,)), limit=_MOST_DOUBTS)
        doubts = tuple(doubtful((one.entry for one in failed), standings))
        past = catalog.tries()
        made: list[Try] = []
        for channel, of in settings.reminders.active.items():
            rule = due_pings if isinstance(of, DeadMan) else due_reminders
            own = [one for one in past if one.channel is channel]
            for reminder in rule(of.occasions, of.since, standings, doubts, own, now=now):
                if not _is_settled(reminder):
                    continue
                made.append(_try(channel, of, reminder, catalog, now))
                if not made[-1].sent:
                    break
        return tuple(made)


def send(channel: AnyChannel, reminder: Reminder, now: datetime, password: Secret | None = None) -> str:
    """Tell one thing, and give who did not get it while others did.

    Args:
        channel: how.
        reminder: what; `reminder_text.trial` makes one for a test.
        now: in UTC.
        password: instead of the stored one.

    Raises:
        AppError: why it was not told; INVALID_INPUT where a field is wrong.
    """
    for name, problem in problems(channel).items():
        raise AppError(ErrorCode.INVALID_INPUT, f"{name}: {WRONG[problem]}")
    match channel:
        case Email():
            return _send_mail(channel, reminder, password)
        case Command():
            _run(channel, reminder, now)
        case Webhook():
            _post(channel, reminder, now, password)
        case DeadMan():
            _ping(channel, reminder)
    return ""


def send_trial(channel: AnyChannel, password: Secret | None = None) -> str:
    """Tell that reminders work; as `send`. A dead-man's switch is told of a success, which starts it."""
    now = datetime.now(UTC)
    return send(channel, trial(now), now, password)


def stored_secret(channel: Channel) -> Secret | None:
    """The password or token of a channel, from the environment or the keyring; None when there is none.

    Raises:
        AppError: NO_KEYRING or KEYRING_LOCKED.
    """
    found = os.environ.get(PASSWORD_VARIABLES.get(channel, ""))
    if found:
        return Secret(found)
    state = secrets.probe()
    if not state.usable:
        raise AppError(
            ErrorCode.KEYRING_LOCKED if state.locked else ErrorCode.NO_KEYRING,
            "The keyring does not give the password" if state.locked else "There is no keyring",
            detail=state.problem,
            hint=f"Without one, set {PASSWORD_VARIABLES.get(channel, '')} in the environment.",
        )
    return secrets.get_password(channel.value, secrets.REMINDERS)


def _standings(
    settings: Settings, catalog: Catalog, now: datetime, waiting: Collection[str]
) -> tuple[Standing, ...]:
    return tuple(
        standing(
            schedule,
            catalog.since_good(schedule.project, schedule.id),
            now,
            paused_until=settings.paused_until,
            is_held=schedule.id in waiting,
        )
        for schedule in settings.schedules
        if schedule.enabled
    )


def _is_settled(reminder: Reminder) -> bool:
    """Whether it stays so: while a backup is being proven it stands in the history, and may yet be none."""
    if reminder.occasion.is_alarm:
        return True
    with only_one(reminder.schedule) as is_ours:
        return is_ours


def _try(channel: Channel, of: AnyChannel, reminder: Reminder, catalog: Catalog, now: datetime) -> Try:
    """Record, send, record: after a crash in between it is sent again, which is better than never."""
    began = Try(
        channel,
        reminder.key,
        reminder.occasion,
        reminder.project,
        reminder.schedule,
        now,
        problem=_INTERRUPTED,
    )
    number = catalog.record_try(began)
    try:
        made = replace(began, sent=True, problem=send(of, reminder, began.at))
    except AppError as error:
        made = replace(began, problem=str(error))
    except Exception as error:  # noqa: BLE001 - a channel must not stop the others
        _log.exception("an error in Holdfast itself")
        made = replace(began, problem=f"An error in Holdfast itself: {type(error).__name__}")
    catalog.end_try(number, sent=made.sent, problem=made.problem)
    if made.problem:
        _log.info("%s was not told by %s: %s", reminder.key, channel, made.problem)
    return made


def _send_mail(email: Email, reminder: Reminder, password: Secret | None) -> str:
    from app.system.outside import send_mail  # few runs need it

    if email.user and password is None:
        password = stored_secret(Channel.EMAIL)
        if password is None:
            raise _no_secret(Channel.EMAIL, "password")
    message = EmailMessage()
    message["Subject"] = f"Holdfast: {subject(reminder)}" if reminder.project else subject(reminder)
    message["From"] = email.sender
    message["To"] = ", ".join(email.to)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=email.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday note answers
    if reminder.occasion.is_alarm:
        message["Importance"] = "high"
    message.set_content(body(reminder, socket.gethostname()))
    refused = send_mail(email, message, password, MAIL_SECONDS)
    return f"The mail server refused {', '.join(refused)}" if refused else ""


def _run(command: Command, reminder: Reminder, now: datetime) -> None:
    program = shutil.which(command.argv[0])
    if program is None:
        raise AppError(
            ErrorCode.TOOL_MISSING,
            "There is no such program",
            detail=command.argv[0],
            hint="Give its whole path; a shell's own words do not work, since none is used.",
        )
    told = facts(reminder, socket.gethostname(), now)
    secret = set(PASSWORD_VARIABLES.values())
    env = {name: value for name, value in child_environment().items() if name not in secret}
    with tempfile.TemporaryFile() as stdin:  # not a pipe, which a program that does not read would block
        stdin.write(facts_json(told))
        stdin.seek(0)
        argv = [str(Path(program).absolute()), *command.argv[1:]]
        with Child(argv, env=env | facts_environment(told), stdin=stdin) as child:
            try:
                status = child.wait(COMMAND_SECONDS)
            except TimeoutError:
                child.kill()
                raise AppError(
                    ErrorCode.TIMED_OUT,
                    f"The command did not end within {COMMAND_SECONDS:g} seconds",
                    detail=command.argv[0],
                    hint="It was stopped. Let it start in the background what takes longer.",
                ) from None
            if status == 0:
                return
            said = "".join(sign if sign.isprintable() else " " for sign in child.errors()[-200:])
    ended = f"with status {status}" if status > 0 else f"by signal {-status}"
    raise AppError(
        ErrorCode.TOOL_BROKEN,
        f"The command ended {ended}",
        detail=f"{command.argv[0]}: {said.strip()}" if said.strip() else command.argv[0],
        hint="Run it by hand to see why.",
    )


def _post(webhook: Webhook, reminder: Reminder, now: datetime, token: Secret | None) -> None:
    from app.system.outside import call_web

    headers = {"Content-Type": "application/json"}
    if webhook.has_token:
        token = token or stored_secret(Channel.WEBHOOK)
        if token is None:
            raise _no_secret(Channel.WEBHOOK, "token")
        if not (token.reveal().isascii() and token.reveal().isprintable()):
            raise AppError(
                ErrorCode.INVALID_INPUT, "The token has signs that no header can hold", hint="Enter it anew."
            )
        headers["Authorization"] = f"Bearer {token.reveal()}"
    content = facts_json(facts(reminder, socket.gethostname(), now))
    call_web(webhook.url, content, headers, WEB_SECONDS)


def _ping(dead_man: DeadMan, reminder: Reminder) -> None:
    from app.system.outside import call_web

    url = dead_man.url
    if reminder.occasion is not Occasion.SUCCEEDED:
        path, mark, query = url.partition("?")
        url = f"{path.rstrip('/')}/fail{mark}{query}"
    call_web(url, seconds=WEB_SECONDS)


def _no_secret(channel: Channel, what: str) -> AppError:
    return AppError(
        ErrorCode.NO_KEYRING,
        f"The keyring has no {what} for reminders",
        hint=f"Enter it anew, or set {PASSWORD_VARIABLES[channel]} in the environment.",
    )
