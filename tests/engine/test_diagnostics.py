"""Diagnostics as text and as values: all that helps, and no secret that stood in the settings or the log."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app import __version__
from app.domain.project import Project
from app.domain.reminders import Email, Reminders
from app.engine.diagnostics import Diagnostics, collect, diagnostics_text
from app.persistence.settings import Settings, change_settings, settings_path
from app.system.paths import log_folder

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FOUND = Diagnostics(
    at=NOW,
    versions={"Holdfast": "0.1.0, from source", "keyring": ""},
    system={"os": "Debian GNU/Linux 12 (bookworm)"},
    tools=("17.10 bundled ~/tools: lz4, zstd, TLS, server",),
    keyring="none: There is no keyring",
    folders={"data": "~/data, 12.0 GB free"},
    running=("window",),
    settings={
        "jobs": None,
        "tray": True,
        "projects": {},
        "schedules": [{"cron": "0 3 * * *", "parts": ["roles"]}],
    },
    log=("2026-11-23 11:59:59.000Z window 1 ERROR app: broke", "    Traceback"),
)


def test_the_text_has_all_of_it_in_sections() -> None:
    assert (
        diagnostics_text(FOUND)
        == """\
Holdfast diagnostics, 2026-11-23 12:00:00 UTC

Versions
  Holdfast: 0.1.0, from source
  keyring: none

System
  os: Debian GNU/Linux 12 (bookworm)

PostgreSQL tools
  17.10 bundled ~/tools: lz4, zstd, TLS, server

Keyring
  none: There is no keyring

Folders
  data: ~/data, 12.0 GB free

Running
  window

Settings
  jobs: none
  tray: yes
  projects: none
  schedules:
    cron 0 3 * * *, parts roles

Last crash
  none

Log
  2026-11-23 11:59:59.000Z window 1 ERROR app: broke
      Traceback
"""
    )


def test_everything_is_collected_and_nothing_secret_is(home: Path) -> None:
    project = Project("Acme Shop", "host=db.acme.example port=5432 user=wilhelmina dbname=ledger", NOW)
    mail = Email("mail.acme.example", 587, "ops@acme.example", ("boss@acme.example",), NOW)
    change_settings(
        settings_path(),
        lambda old: replace(old, projects=(project,), reminders=Reminders(email=mail), destination=str(home)),
    )
    log_folder().mkdir(parents=True)
    lines = [
        f"2026-11-23 11:00:{number % 60:02}.000Z window 1 INFO app: {number} of Acme Shop, password=hunter2"
        for number in range(300)
    ]
    (log_folder() / "window.log").write_text("\n".join(lines) + "\n")
    (log_folder() / "crash-20261123T105000Z.txt").write_text(f'Segmentation fault\n  File "{home}/x.py"')
    found = collect({"Qt": "6.11.3"})
    text = diagnostics_text(found)
    printed = json.dumps(msgspec.to_builtins(found, enc_hook=str))
    for shown in (text, printed):
        for secret in ("Acme", "acme", "wilhelmina", "ledger", "hunter2", str(home), "ops@", "boss@"):
            assert secret not in shown
    assert found.versions["Holdfast"].startswith(__version__)
    assert found.versions["PySide6_Essentials"]
    assert found.system["Qt"] == "6.11.3"
    assert any("bundled" in tool and "TLS" in tool for tool in found.tools)
    assert found.folders["backups"].startswith("~, ")
    assert len(found.log) == 200
    assert "of project-1, password=…" in found.log[-1]
    assert 'File "~/x.py"' in found.crash
    assert found.settings == msgspec.json.decode(msgspec.json.encode(found.settings))


def test_damaged_settings_do_not_hinder_it(home: Path) -> None:
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text('{"projects": "hunter2"')
    found = collect()
    assert found.settings == {"problem": "The settings cannot be read"}
    assert "hunter2" not in diagnostics_text(found)


def test_default_settings_are_shown() -> None:
    text = diagnostics_text(replace(FOUND, settings=msgspec.to_builtins(Settings().reminders)))
    assert "email: none" in text
