"""A keyring that is locked is named as the cause, not a wrong password."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from app.domain.errors import ErrorCode
from app.postgres.sandbox import SandboxServer
from tests.conftest import NewDatabase
from tests.ui.desktop import desktop

_HOLDFAST = (sys.executable, "-m", "app")
_SERVICE = "/org/freedesktop/secrets"
_LOCK = ("org.freedesktop.Secret.Service.Lock", f"array:objpath:{_SERVICE}/collection/login")


def test_a_backup_without_its_password_names_the_locked_keyring(
    server17: SandboxServer, new_shop: NewDatabase, home: Path, tmp_path: Path
) -> None:
    shop = new_shop(server17, "shop")
    with desktop(tmp_path) as session:
        named = {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
        session.environment |= named | {"HOME": str(home)}
        session.start_bus()
        session.start_keyring()
        added = session.run(*_HOLDFAST, "projects", "add", "Shop", "--url", shop.conninfo_with_password)
        assert added.status == 0, added.errors
        sent = ("--session", "--print-reply", "--dest=org.freedesktop.secrets", _SERVICE)
        locked = session.run("dbus-send", *sent, *_LOCK)
        assert locked.status == 0, locked.errors
        made = session.run(*_HOLDFAST, "backup", "--project", "Shop", "--to", tmp_path, "--json")
        error = json.loads(made.output)["error"]
        assert error["code"] == ErrorCode.KEYRING_LOCKED
        assert "Shop" in error["title"]
        assert "Unlock" in error["hint"]
        history = session.run(*_HOLDFAST, "history", "--json")
        (attempt,) = json.loads(history.output)["backups"]
        assert attempt["error_code"] == ErrorCode.KEYRING_LOCKED
