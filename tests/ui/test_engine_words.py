"""Sentences of the engine that the window knows are said in its language, with all that they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.errors import AppError, ErrorCode
from app.domain.restore import Finding, RestoreMode, RestorePlan, Severity
from app.domain.schedule import Schedule
from app.engine.connection_check import CheckLine, CheckState, CheckStep, check_connection
from app.postgres import failures
from app.postgres.connection import parse_connection
from app.postgres.failures import connection_failure
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.ui import connection_words, plan_words, refusal_words
from app.ui.engine_words import translated
from app.ui.error_dialog import ErrorDialog
from app.ui.error_words import in_language
from app.ui.schedule_edits import problems
from app.ui.widgets.connection_checklist import ConnectionChecklist
from app.ui.widgets.plan_list import plan_lines
from tests.ui.conftest import Shoot
from tests.ui.room import cut_texts, look

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

_APP = Path(__file__).parents[2] / "app"
_SENTENCES = (*connection_words.SENTENCES, *refusal_words.SENTENCES, *plan_words.SENTENCES)
_LAYERS = ("domain", "engine", "persistence", "postgres", "supabase", "system")
_PLACE = re.compile(r"%\d")
_MADE_OF_PARTS = re.compile(r"^(%1 is .*, IPv|given by |“%1” is no |The fields are )")
"""What no text of the sources is long enough for; tests below have the engine say it."""


@pytest.fixture
def german(qapp: QApplication) -> Iterator[None]:
    with look(qapp, "de"):
        yield


def told() -> Iterator[str]:
    """Every text of those who speak to the window, with a NUL in the place of each value."""
    speakers = [one for layer in _LAYERS for one in (_APP / layer).rglob("*.py")]
    for source in (*speakers, _APP / "ui" / "project_work.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
                yield re.sub(r"\{\w+(:\w+)?\}", "\0", _text(node))


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_text, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case _:
            return "\0"


def test_what_is_known_is_what_the_engine_says() -> None:
    """A sentence that was worded anew in the engine would no longer be known again."""
    texts = {one.casefold() for one in told()}

    def is_told(sentence: str) -> bool:
        core = max(_PLACE.split(sentence), key=len)
        known = re.compile(_PLACE.sub(".*", re.escape(sentence)))
        example = _PLACE.sub("7", sentence)
        return any((core in one and known.search(one)) or _says(one, example) for one in texts)

    unknown = [one for one in _SENTENCES if not is_told(one.casefold())]
    assert [one for one in unknown if not _MADE_OF_PARTS.search(one)] == []


def _says(text: str, example: str) -> bool:
    """Whether a text with values can be this one; a text of little more than values can be anything."""
    return (
        len(text) > len(example) * 0.4
        and max(text.split("\0"), key=len) in example
        and re.fullmatch(re.escape(text).replace("\0", ".*"), example) is not None
    )


def test_no_sentence_hides_another(qapp: QApplication) -> None:
    with look(qapp, "de"):
        for sentence in _SENTENCES:
            said = translated(_PLACE.sub("x", sentence))
            assert said == _PLACE.sub("x", QCoreApplication.translate("engine", sentence))


@pytest.mark.parametrize("language", ["de", "es"])
def test_values_stay_and_amounts_are_written_as_in_the_language(language: str, qapp: QApplication) -> None:
    with look(qapp, language):
        assert "10.0.0.1" in translated("db.example.org is 10.0.0.1, IPv4")
        assert "PostgreSQL 16.4; " in translated("PostgreSQL 16.4; it fits the server, 16.4")
        assert "1.234.567" in translated("/srv has 1,234,567 bytes left")
        assert "8,2 MB" in translated("8.2 MB. A backup takes about 3 MB and a moment")
        assert translated("%1 and %2") == "%1 and %2"
        assert "%2" in translated("There is no project “%2”")


def test_in_english_the_engines_words_stand(qapp: QApplication) -> None:
    for text in ("8.2 MB. A backup takes about 3 MB and a moment", "as me in database a, in 1,234 ms"):
        assert translated(text) == text


def test_a_known_failure_is_told_as_it_is_and_not_by_its_kind(german: None) -> None:
    error = connection_failure("fe_sendauth: no password supplied", "me@db.example.org:5432/shop")
    shown = in_language(error)
    assert shown.title == "Für diese Anmeldung gibt es kein Passwort"
    assert shown.detail == "me@db.example.org:5432/shop: fe_sendauth: no password supplied."
    assert shown.hint.startswith("Es in die Verbindung des Projekts eintragen")


@pytest.mark.parametrize("language", ["de", "es"])
def test_no_failure_is_told_half_in_english(language: str, qapp: QApplication) -> None:
    """A name in a known sentence can be anything; a sentence that begins with one must not swallow others."""
    said: dict[tuple[str, str], AppError] = {}
    with look(qapp, language):
        for rule in (*failures._CONNECTION, *failures._DUMP, *failures._ARCHIVE):
            error = in_language(AppError(rule.code, rule.title, hint=rule.hint))
            said[rule.title, rule.hint] = error
    english = re.compile(r"\b(the|is|and|of|or|with|check)\b", re.IGNORECASE)
    assert {
        key: str(error) for key, error in said.items() if english.search(f"{error.title} {error.hint}")
    } == {}


@pytest.mark.parametrize("text", ["", "hello", "host=a port", "nonsense=1", "host=a sslpassword=x"])
def test_what_is_wrong_with_a_connection_string_is_said(text: str, german: None) -> None:
    with pytest.raises(AppError) as caught:
        parse_connection(text)
    shown = in_language(caught.value)
    for own, said in zip(_texts(caught.value), _texts(shown), strict=True):
        assert own.rstrip(".").casefold() != said.rstrip(".").casefold()


def test_what_is_wrong_with_a_schedule_is_said(german: None) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    made = Schedule("a", "Shop", "61 2 * * *", "Mars", now, destination="backups")
    assert problems(made) == {
        "cron": "„61“ ist keine Minute. Minuten gehen von 0 bis 59. "
        "Listen (1,2), Bereiche (1-5) und Schritte (*/2) sind möglich.",
        "zone": "Eine Zeitzone „Mars“ gibt es nicht. Namen lauten wie Europe/Berlin oder UTC.",
        "destination": "„backups“ ist kein vollständiger Pfad. Am Wurzelverzeichnis beginnen.",
    }
    assert problems(replace(made, cron="", zone="UTC", destination="")) == {
        "cron": "„“ hat nicht fünf Felder. Die Felder sind Minute, Stunde, Tag des Monats, Monat, Wochentag."
    }


@pytest.mark.parametrize(
    ("cron", "word"),
    [
        ("x 2 * * *", "Minute"),
        ("2 24 * * *", "Stunde"),
        ("2 2 0 * *", "Tag des Monats"),
        ("2 2 * 13 *", "Monat"),
        ("2 2 * * 8", "Wochentag"),
    ],
)
def test_each_field_of_a_cron_expression_is_named(cron: str, word: str, german: None) -> None:
    made = Schedule("a", "Shop", cron, "UTC", datetime(2026, 11, 22, tzinfo=UTC))
    wrong = next(field for field in cron.split()[::-1] if field not in "*2")
    assert problems(made)["cron"].startswith(f"„{wrong}“ ist kein")
    assert word in problems(made)["cron"]


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (["192.0.2.7"], "192.0.2.7, IPv4"),
        (["2001:db8::7"], "2001:db8::7, IPv6"),
        (["192.0.2.7", "192.0.2.8"], "192.0.2.7 und 1 weitere, IPv4"),
        (["2001:db8::7", "2001:db8::8"], "2001:db8::7 und 1 weitere, IPv6"),
        (["2001:db8::7", "192.0.2.7"], "2001:db8::7 und 1 weitere, IPv4 und IPv6"),
    ],
)
def test_the_addresses_of_a_host_are_told(
    addresses: list[str], said: str, german: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers so is not at hand."""
    found = [(0, 0, 0, "", (one, 5432)) for one in addresses]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr("socket.create_connection", _refuse)
    done = check_connection(parse_connection("host=db.example.org"), (), lambda _: None, CancelToken())
    assert translated(done.lines[0].found) == f"db.example.org ist {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("service=none", "durch einen Dienst angegeben"),
        ("hostaddr=127.0.0.1 port=1", "durch libpqs eigene Einstellungen angegeben"),
        ("host=/nonexistent", "dieser Computer"),
    ],
)
def test_other_ways_to_a_host_are_told(text: str, said: str, german: None) -> None:
    done = check_connection(parse_connection(text), (), lambda _: None, CancelToken())
    assert translated(done.lines[0].found) == said


def _refuse(*_: object) -> None:
    raise ConnectionRefusedError("Connection refused")


def test_every_line_of_a_real_check_is_said(
    german: None,
    server17: SandboxServer,
    new_shop: NewDatabase,
    installations: Sequence[Installation],
    qtbot: QtBot,
    shoot: Shoot,
) -> None:
    checklist = ConnectionChecklist()
    qtbot.addWidget(checklist)
    checklist.resize(400, 640)
    checklist.show()
    connection = parse_connection(new_shop(server17).conninfo_with_password)
    done = check_connection(connection, installations, checklist.show_line, CancelToken())
    assert checklist.passed
    for line in done.lines:
        assert line.found.casefold() != checklist.lines[line.step.value].text.text().casefold()
    qtbot.wait_until(lambda: cut_texts(checklist) == [])
    shoot(checklist, "checklist-de")


def test_a_line_that_failed_is_said(german: None, qtbot: QtBot, shoot: Shoot) -> None:
    checklist = ConnectionChecklist()
    qtbot.addWidget(checklist)
    checklist.resize(400, 640)
    checklist.show()
    failure = connection_failure("Connection refused", "db.example.org:5432")
    checklist.show_line(
        CheckLine(CheckStep.HOST, CheckState.PASSED, "db.example.org is 192.0.2.7 and 2 more, IPv4 and IPv6")
    )
    checklist.show_line(CheckLine(CheckStep.REACH, CheckState.FAILED, failure=failure))
    host, reach = (checklist.lines[step.value] for step in (CheckStep.HOST, CheckStep.REACH))
    assert (
        host.text.text().replace("\u200b", "") == "db.example.org ist 192.0.2.7 und 2 weitere, IPv4 und IPv6"
    )
    assert reach.title.text() == "Unter dieser Adresse antwortet nichts"
    assert reach.hint.text() == "Den Port prüfen, und ob der Server läuft."
    shoot(checklist, "checklist-failed-de")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("known", connection_failure("FATAL: password authentication failed", "me@db.example.org:5432/shop")),
        ("of-a-kind", AppError(ErrorCode.LOCK_WAIT, "The table orders is locked", detail="by process 4711")),
    ],
)
def test_the_dialog_says_it_and_keeps_the_original_in_its_details(
    name: str, error: AppError, german: None, qtbot: QtBot, shoot: Shoot
) -> None:
    dialog = ErrorDialog(error)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog._fold.click()
    assert error.title in dialog._details.toPlainText()
    shoot(dialog, f"error-dialog-{name}-de")
    layout = dialog.layout()
    assert layout is not None
    assert dialog.height() == layout.totalHeightForWidth(dialog.width())


def _texts(error: AppError) -> tuple[str, str, str]:
    return error.title, error.detail, error.hint


def test_a_plan_is_told_in_the_windows_words(german: None) -> None:
    told = (
        Finding(
            Severity.BLOCKS,
            "3 objects of the target are in the way",
            "public.a, public.b and 1,200 more",
            "Replace them with --clean, or restore into a new database with --new-database.",
        ),
        Finding(Severity.WARNS, "2 other sessions in the target"),
    )
    plan = RestorePlan("Shop", "localhost", "shop", RestoreMode.PARALLEL, 1, (), told, ())
    blocks, warns = plan_lines(plan)
    assert blocks.title == "3 Objekte des Ziels sind im Weg"
    assert blocks.detail == (
        "public.a, public.b und 1.200 weitere.\n"
        "Sie mit „Vorhandenes ersetzen“ überschreiben oder in eine neue Datenbank wiederherstellen."
    )
    assert warns.title == "2 andere Sitzungen im Ziel"
