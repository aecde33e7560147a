"""`holdfast reminders`: channels are set, listed, tested and removed, and no secret is shown."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import keyring
import pytest

from app.domain.reminders import ALARMS, Channel, Command, DeadMan, Email, MailTls, Occasion, Try, Webhook
from app.persistence import secrets
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import change_settings, load_settings, settings_path
from tests.cli.conftest import Cli
from tests.memory_keyring import MemoryKeyring
from tests.outside_servers import PASSWORD, free_port, mail_server, web_server

PROBLEM = "The web server answered 500"
TO = ("--to", "ada@example.org", "--from", "backup@example.org")


@pytest.fixture(autouse=True)
def memory_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    before, made = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(made)
    monkeypatch.setattr(secrets, "probe", lambda: secrets.KeyringState("memory", usable=True))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    yield made
    keyring.set_keyring(before)


def email() -> Email:
    found = load_settings(settings_path()).reminders.email
    assert found is not None
    return found


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_without_channels_the_list_says_so(cli: Cli) -> None:
    assert "Nobody is told yet" in cli("reminders", "list").output
    assert cli("reminders", "list", "--json").json["email"] == {"set": False}
    assert cli("reminders", "test").status == 2


def test_a_mail_channel_is_set_changed_and_removed_with_its_password(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, memory_keyring: MemoryKeyring, home: Path
) -> None:
    give(monkeypatch, f"{PASSWORD}\n")
    done = cli(
        "reminders", "set", "email", *TO, "--server", "smtp.example.org", "--user", "ada", "--password-stdin"
    )
    assert done.status == 0
    assert PASSWORD not in done.output + done.errors
    assert memory_keyring.held == {(secrets.REMINDERS, "email"): PASSWORD}
    assert (email().server, email().port, email().tls) == ("smtp.example.org", 587, MailTls.STARTTLS)
    assert email().occasions == ALARMS
    assert cli("reminders", "set", "email", "--tls", "ssl", "--events", "failed,overdue").status == 0
    assert (email().port, email().to, email().user) == (465, ("ada@example.org",), "ada")
    assert email().occasions == (Occasion.FAILED, Occasion.OVERDUE)
    assert cli("reminders", "set", "email", "--server", "[::1]:2525").status == 0
    assert (email().server, email().port) == ("::1", 2525)
    assert all(PASSWORD.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())
    listed = cli("reminders", "list")
    assert "to ada@example.org over ::1:2525 (ssl, as ada)" in listed.output
    assert cli("reminders", "remove", "email").status == 0
    assert memory_keyring.held == {}
    assert load_settings(settings_path()).reminders.email is None
    assert cli("reminders", "remove", "email").status == 2


def test_without_a_keyring_the_environment_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "probe", lambda: secrets.KeyringState("none", usable=False, problem="None."))
    give(monkeypatch, "x\n")
    done = cli("reminders", "set", "email", *TO, "--server", "h", "--user", "ada", "--password-stdin")
    assert done.status == 0
    assert "was not stored" in done.errors
    assert "HOLDFAST_EMAIL_PASSWORD" in done.errors
    assert email().user == "ada"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("email",), "server: it is missing"),
        (("email", *TO, "--server", "h:smtp"), "“smtp” is no port"),
        (("email", *TO, "--server", "h:99999"), "port: ports go from 1 to 65535"),
        (("email", "--to", "ada", "--from", "b@c", "--server", "h"), "to: that is no e-mail address"),
        (("email", *TO, "--server", "h", "--tls", "none", "--user", "a"), "in the open"),
        (("email", *TO, "--server", "h", "--events", "never"), "is none of failing"),
        (("webhook", "example.org"), "url: that is no whole address"),
        (("webhook", "https://a:b@example.org"), "which would be kept in plain text"),
        (("webhook", "http://example.org", "--token"), "in the open"),
        (("dead-man", "file:///etc/passwd"), "url: that is no whole address"),
        (("command",), "PROGRAM"),
    ],
)
def test_wrong_input_is_refused_and_nothing_kept(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = cli("reminders", "set", *arguments)
    assert done.status == 2
    assert said in done.errors
    assert not load_settings(settings_path()).reminders.active


def test_a_command_keeps_its_own_options(cli: Cli, tmp_path: Path) -> None:
    program = f"import pathlib; pathlib.Path({str(tmp_path / 'told')!r}).touch()"
    assert cli("reminders", "set", "command", "--", sys.executable, "-c", program).status == 0
    command = load_settings(settings_path()).reminders.command
    assert isinstance(command, Command)
    assert command.argv == (sys.executable, "-c", program)
    assert cli("reminders", "test", "command").status == 0
    assert (tmp_path / "told").exists()


def test_tests_say_what_came_of_them(cli: Cli) -> None:
    with mail_server() as mail, web_server() as web:
        server = ("--server", f"127.0.0.1:{mail.port}", "--tls", "none")
        assert cli("reminders", "set", "email", *TO, *server).status == 0
        assert cli("reminders", "set", "webhook", web.url("/secret")).status == 0
        assert cli("reminders", "set", "dead-man", web.url("/uuid"), "--fail").status == 0
        done = cli("reminders", "test")
        assert done.status == 0
        assert [line[0] for line in done.output.splitlines()] == ["✓"] * 3
        assert "/secret" not in done.output
        assert len(mail.messages) == 1
        assert [one.path for one in web.asked] == ["/secret", "/uuid"]
        web.answers["/secret"] = 500, {}
        done = cli("reminders", "test", "webhook", "--json")
    assert done.status == 1
    (tested,) = done.json["tests"]
    assert (tested["channel"], tested["sent"], tested["error"]["code"]) == ("webhook", False, "server-error")


def test_what_does_not_get_through_stands_in_the_list_and_in_the_history(cli: Cli) -> None:
    cli("reminders", "set", "webhook", f"http://127.0.0.1:{free_port()}/")
    cli("reminders", "set", "dead-man", "https://example.org/x")
    now = datetime.now(UTC)
    made = Try(
        Channel.WEBHOOK, "k", Occasion.FAILED, "Shop", "s1", now, problem="The web server answered 500"
    )
    with Catalog(catalog_path()) as catalog:
        catalog.record_try(made)
        catalog.record_try(replace(made, at=now + timedelta(minutes=1)))
    said = "Reminders by webhook do not get through since"
    assert said in cli("reminders", "list").output
    assert said in cli("history").errors
    listed = cli("reminders", "list", "--json").json
    assert listed["webhook"]["fails"]["tries"] == 2
    assert listed["dead-man"]["fails"] is None
    history = cli("history", "--json").json
    assert [(one["channel"], one["sent"], one["problem"]) for one in history["reminders"]] == [
        ("webhook", False, PROBLEM)
    ] * 2


def test_a_token_is_kept_in_the_keyring(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, memory_keyring: MemoryKeyring
) -> None:
    give(monkeypatch, "t0ken\n")
    assert (
        cli("reminders", "set", "webhook", "https://example.org/", "--token", "--password-stdin").status == 0
    )
    webhook = load_settings(settings_path()).reminders.webhook
    assert isinstance(webhook, Webhook)
    assert webhook.has_token
    assert memory_keyring.held == {(secrets.REMINDERS, "webhook"): "t0ken"}


def test_settings_of_an_older_holdfast_have_no_reminders(home: Path) -> None:
    path = settings_path()
    path.parent.mkdir(parents=True)
    path.write_text('{"destination": "/backups"}')
    assert not load_settings(path).reminders.active
    made = DeadMan("https://example.org/", datetime.now(UTC))
    change_settings(path, lambda it: replace(it, reminders=replace(it.reminders, dead_man=made)))
    assert load_settings(path).reminders.dead_man == made
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
