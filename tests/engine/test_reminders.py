"""Reminders on their way: from the history over real channels, with each try in the catalog."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.history import Entry, Result
from app.domain.project import Secret
from app.domain.proof import ProofLevel
from app.domain.reminders import (
    Channel,
    Command,
    DeadMan,
    Email,
    MailTls,
    Occasion,
    Reminders,
    Webhook,
)
from app.domain.schedule import Schedule
from app.engine import reminders
from app.engine.reminders import remind, send_trial, stored_secret
from app.engine.scheduler import only_one
from app.persistence import secrets
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import Settings, change_settings, load_settings, settings_path
from tests.memory_keyring import MemoryKeyring
from tests.outside_servers import PASSWORD, USER, mail_server, make_certificate, silent_server, web_server

NOW = datetime.now(UTC).replace(microsecond=0)
SLOT = NOW - timedelta(minutes=30)
LONG_AGO = NOW - timedelta(days=9)
SCHEDULE = Schedule("s1", "Shop", f"{SLOT.minute} {SLOT.hour} * * *", "UTC", NOW - timedelta(hours=3))
SLOT = SLOT.replace(second=0)
FAILED = Entry(
    "1",
    "Shop",
    SLOT,
    Result.FAILED,
    NOW - timedelta(seconds=20),
    "scheduled",
    "refused",
    "Nothing answers",
    "Key (email)=(ada@example.org)",
    schedule="s1",
    slot=SLOT,
)
GOOD = replace(
    FAILED, id="2", started=NOW, finished=NOW, result=Result.SUCCEEDED, error_code="", error_title=""
)


@pytest.fixture
def memory_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    """A keyring of our own; the probe's child has none, and is answered for."""
    before, made = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(made)
    monkeypatch.setattr(secrets, "probe", lambda: secrets.KeyringState("memory", usable=True))
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def catalog(home: Path) -> Iterator[Catalog]:
    with Catalog(catalog_path()) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


def settings(**channels: Email | Command | Webhook | DeadMan) -> Settings:
    return Settings(schedules=(SCHEDULE,), reminders=Reminders(**channels))  # type: ignore[arg-type]


def writer(folder: Path, ending: str = "") -> tuple[str, ...]:
    """A command that writes what it is told into a file of its own each time."""
    program = folder / "tell.py"
    program.write_text(
        "import json, os, sys, time\n"
        f"name = {str(folder)!r} + '/told-' + str(time.monotonic_ns())\n"
        "env = {k: v for k, v in os.environ.items() if 'HOLDFAST' in k or 'PASS' in k}\n"
        "facts = json.load(sys.stdin)\n"
        "open(name, 'w').write(json.dumps({'facts': facts, 'env': env, 'argv': sys.argv[1:]}))\n" + ending
    )
    return (sys.executable, str(program), "an argument; with $signs")


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("told-*"))]


def test_a_failure_is_told_once_and_that_it_is_well_again(catalog: Catalog, tmp_path: Path) -> None:
    command = settings(command=Command(writer(tmp_path), LONG_AGO))
    assert remind(command, catalog, NOW) == ()
    catalog.record(FAILED)
    (tried,) = remind(command, catalog, NOW)
    assert (tried.occasion, tried.sent, tried.problem) == (Occasion.FAILING, True, "")
    assert remind(command, catalog, NOW) == ()
    catalog.record(GOOD)
    (tried,) = remind(command, catalog, NOW)
    assert tried.occasion is Occasion.RECOVERED
    assert remind(command, catalog, NOW) == ()
    assert [one["facts"]["event"] for one in told(tmp_path)] == ["failing", "recovered"]
    assert [one.sent for one in catalog.tries()] == [True, True]


def test_a_command_is_told_in_variables_and_on_its_input_and_no_secret(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("HOLDFAST_EMAIL_PASSWORD", PASSWORD)
    catalog.record(FAILED)
    remind(settings(command=Command(writer(tmp_path), LONG_AGO)), catalog, NOW)
    (heard,) = told(tmp_path)
    assert heard["argv"] == ["an argument; with $signs"]
    assert heard["env"]["HOLDFAST_EVENT"] == heard["facts"]["event"] == "failing"
    assert heard["env"]["HOLDFAST_PROJECT"] == "Shop"
    assert heard["env"]["HOLDFAST_ERROR_CODE"] == "refused"
    assert "Nothing answers" in heard["facts"]["text"]
    assert PASSWORD not in repr(heard)
    assert "ada@example.org" not in repr(heard)


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        ("sys.exit('no such\\x1b[31m user')", ErrorCode.TOOL_BROKEN, "ended with status 1"),
        ("os.kill(os.getpid(), 9)", ErrorCode.TOOL_BROKEN, "ended by signal 9"),
        ("time.sleep(600)", ErrorCode.TIMED_OUT, "did not end within"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_command_that_fails_or_hangs_is_recorded_and_tried_again(
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
    code: ErrorCode,
    words: str,
) -> None:
    if code is ErrorCode.TIMED_OUT:
        monkeypatch.setattr(reminders, "COMMAND_SECONDS", 1.0)
    catalog.record(FAILED)
    broken = settings(command=Command(writer(tmp_path, ending), LONG_AGO))
    (tried,) = remind(broken, catalog, NOW)
    assert not tried.sent
    assert words in tried.problem
    assert tried.problem.isprintable()
    assert remind(broken, catalog, NOW) == ()
    assert len(remind(broken, catalog, NOW + timedelta(minutes=2))) == 1
    with pytest.raises(AppError) as caught:
        send_trial(Command(writer(tmp_path, ending), LONG_AGO))
    assert caught.value.code is code


def test_a_command_that_prints_a_lot_and_reads_nothing_is_no_trouble(catalog: Catalog) -> None:
    noisy = "import sys\nfor _ in range(20000): print('x' * 99); print('y' * 99, file=sys.stderr)"
    catalog.record(FAILED)
    command = Command((sys.executable, "-c", noisy), LONG_AGO)
    (tried,) = remind(settings(command=command), catalog, NOW)
    assert tried.sent
    with pytest.raises(AppError) as caught:
        send_trial(Command(("no-such-program-of-holdfast",), LONG_AGO))
    assert caught.value.code is ErrorCode.TOOL_MISSING


def test_a_mail_is_sent_with_the_password_of_the_keyring_which_stands_nowhere_else(
    catalog: Catalog,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    memory_keyring: MemoryKeyring,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    certificate = make_certificate(tmp_path / "certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    secrets.set_password(Channel.EMAIL, Secret(PASSWORD), secrets.REMINDERS)
    catalog.record(FAILED)
    with mail_server(certificate, starttls=True, login=True) as server:
        to = ("ada@example.org", "bob@example.org")
        email = Email("127.0.0.1", server.port, "backup@example.org", to, LONG_AGO, MailTls.STARTTLS, USER)
        change_settings(settings_path(), lambda _: settings(email=email))
        kept = load_settings(settings_path())
        assert kept.reminders.email == email
        server.refuses = {"bob@example.org"}
        (tried,) = remind(kept, catalog, NOW)
        assert tried.sent
        assert tried.problem == "The mail server refused bob@example.org"
        secrets.set_password(Channel.EMAIL, Secret(f"{PASSWORD}x"), secrets.REMINDERS)
        with pytest.raises(AppError) as caught:
            send_trial(email)
        assert caught.value.code is ErrorCode.SIGN_IN_FAILED
        assert len(server.messages) == 1
    message = server.messages[0]
    assert message["Subject"] == "Holdfast: Shop: the backup failed, and is tried again"
    assert message["To"] == "ada@example.org, bob@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Nothing answers." in message.get_content()
    assert "ada@example.org" not in message.get_content()
    assert PASSWORD not in message.as_string() + caplog.text
    for path in home.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_a_password_is_taken_from_the_environment_where_there_is_no_keyring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(secrets, "probe", lambda: secrets.KeyringState("none", usable=False, problem="none"))
    with pytest.raises(AppError) as caught:
        stored_secret(Channel.EMAIL)
    assert caught.value.code is ErrorCode.NO_KEYRING
    assert "HOLDFAST_EMAIL_PASSWORD" in caught.value.hint
    monkeypatch.setenv("HOLDFAST_EMAIL_PASSWORD", PASSWORD)
    assert stored_secret(Channel.EMAIL) == Secret(PASSWORD)


def test_a_webhook_gets_json_with_its_token(catalog: Catalog, memory_keyring: MemoryKeyring) -> None:
    secrets.set_password(Channel.WEBHOOK, Secret("t0ken"), secrets.REMINDERS)
    catalog.record(FAILED)
    with web_server() as server:
        webhook = settings(webhook=Webhook(server.url(), LONG_AGO, has_token=True))
        server.answers["/hook"] = 500, {}
        (tried,) = remind(webhook, catalog, NOW)
        assert not tried.sent
        assert "answered 500" in tried.problem
        server.answers.clear()
        (tried,) = remind(webhook, catalog, NOW + timedelta(minutes=2))
        assert tried.sent
    asked = server.asked[-1]
    found = json.loads(asked.content)
    assert asked.headers["Authorization"] == "Bearer t0ken"
    assert (found["version"], found["event"], found["project"]) == (1, "failing", "Shop")
    assert found["text"].startswith("Shop: the backup failed, and is tried again.\n")


@pytest.mark.parametrize("token", ["t0ken\r\nX-Other: 1", "tökén"])
def test_a_token_cannot_break_out_of_its_header(token: str) -> None:
    with web_server() as server, pytest.raises(AppError) as caught:
        send_trial(Webhook(server.url(), LONG_AGO, has_token=True), Secret(token))
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert not server.asked


def test_a_dead_mans_switch_is_asked_for_after_a_success_and_with_fail_after_failures(
    catalog: Catalog,
) -> None:
    with web_server() as server:
        switch = settings(dead_man=DeadMan(server.url("/ping?create=1"), LONG_AGO, tells_failures=True))
        for number in range(5):
            catalog.record(replace(FAILED, id=f"f{number}"))
        remind(switch, catalog, NOW)
        catalog.record(replace(GOOD, proof_level=ProofLevel.PROVEN))
        remind(switch, catalog, NOW)
        remind(switch, catalog, NOW)
        send_trial(DeadMan(server.url("/ping"), LONG_AGO))
    assert [one.path for one in server.asked] == ["/ping/fail?create=1", "/ping?create=1", "/ping"]


def test_success_waits_until_the_run_has_ended(catalog: Catalog, tmp_path: Path) -> None:
    wanted = Command(writer(tmp_path), LONG_AGO, tuple(Occasion))
    catalog.record(GOOD)
    with only_one("s1"):
        assert remind(settings(command=wanted), catalog, NOW) == ()
    (tried,) = remind(settings(command=wanted), catalog, NOW)
    assert tried.occasion is Occasion.SUCCEEDED


def test_a_channel_that_hangs_holds_up_no_other(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "MAIL_SECONDS", 0.5)
    catalog.record(FAILED)
    with silent_server() as port:
        email = Email("127.0.0.1", port, "b@example.org", ("a@example.org",), LONG_AGO, MailTls.NONE)
        both = settings(email=email, command=Command(writer(tmp_path), LONG_AGO))
        made = remind(both, catalog, NOW)
    assert [(one.channel, one.sent) for one in made] == [(Channel.EMAIL, False), (Channel.COMMAND, True)]
    assert "did not answer" in made[0].problem


def test_a_crash_while_telling_leaves_a_try_that_is_made_again(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.record(FAILED)
    wanted = settings(command=Command(writer(tmp_path), LONG_AGO))
    with monkeypatch.context() as crash:
        crash.setattr(reminders, "send", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            remind(wanted, catalog, NOW)
    (left,) = catalog.tries()
    assert not left.sent
    assert left.problem == "Holdfast ended while it was told"
    (tried,) = remind(wanted, catalog, NOW + timedelta(minutes=2))
    assert tried.sent


def test_what_cannot_be_recorded_is_not_sent_again_and_again(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.record(FAILED)

    def refuse(*_: object) -> int:
        raise AppError(ErrorCode.DISK_FULL, "The disk is full")

    monkeypatch.setattr(catalog, "record_try", refuse)
    with pytest.raises(AppError):
        remind(settings(command=Command(writer(tmp_path), LONG_AGO)), catalog, NOW)
    assert told(tmp_path) == []


def test_two_processes_do_not_tell_the_same(catalog: Catalog, tmp_path: Path) -> None:
    catalog.record(FAILED)
    wanted = settings(command=Command(writer(tmp_path), LONG_AGO))
    threads = [threading.Thread(target=remind, args=(wanted, catalog, NOW)) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(told(tmp_path)) == 1
