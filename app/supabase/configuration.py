"""A project's settings in a backup, as JSON files to look things up in; secrets are blanked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from app.domain.backup import LeftOut
from app.domain.events import Listener, Phase, Progress
from app.supabase.access import Management
from app.supabase.kept import Kept, asked, write_json
from app.system.cancellation import CancelToken, abandonable

PART = "configuration"
FOLDER = "configuration"
KINDS = ("auth", "postgrest", "storage", "realtime", "ssl-enforcement", "network-restrictions")

_SECRET_ENDS = (
    "secret",
    "secrets",
    "key",
    "keys",
    "pass",
    "password",
    "token",
    "tokens",
    "credentials",
    "otp",
)
_WITH_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]+@")
_REASON = "Secrets are not written in plain text: enter them anew after a restore."
_NAMES_ONLY = "Supabase gives names and digests alone: set them anew after a restore."


def save_configuration(
    folder: Path, ref: str, api: Management, cancel: CancelToken, listener: Listener
) -> Kept:
    """Write a project's settings below the backup's folder, and the names of its functions' secrets.

    Raises:
        AppError: nobody can be asked, or a file cannot be written.
        Cancelled: `cancel` was set.
    """
    left_out: list[LeftOut] = []
    total = objects = 0
    for number, kind in enumerate(KINDS):
        listener(Progress(Phase.SAVING_SETTINGS, number / (len(KINDS) + 1), kind))
        question = partial(api.config, ref, kind)
        config = asked(partial(abandonable, question, cancel), PART, kind, left_out)
        if config is None:
            continue
        clean, blanked = without_secrets(config)
        total += write_json(folder / FOLDER / f"{kind}.json", clean)
        objects += 1
        if blanked:
            left_out.append(LeftOut(PART, f"{kind}: {', '.join(blanked)}", _REASON))
    secrets = asked(lambda: abandonable(lambda: api.secrets(ref), cancel), PART, "names of secrets", left_out)
    if secrets is not None:
        total += write_json(folder / FOLDER / "secrets.json", msgspec.to_builtins(list(secrets)))
        objects += 1
        if secrets:
            names = ", ".join(str(secret.name) for secret in secrets)
            left_out.append(LeftOut(PART, f"values of the secrets {names}", _NAMES_ONLY))
    if not objects:  # one reason for all, a token that does not do
        left_out = [LeftOut(PART, "all of it", left_out[-1].reason)]
    return Kept(objects, total, tuple(left_out))


def without_secrets(config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Settings with secrets blanked, and the names of those that were there.

    What is a secret is told by its name, and a text by a password in an address.
    """
    blanked: list[str] = []
    clean = _cleaned(dict(config), "", blanked, is_secret=False)
    return clean, tuple(blanked)


def _cleaned(value: Any, name: str, blanked: list[str], *, is_secret: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            str(key): _cleaned(
                item,
                f"{name}.{key}" if name else str(key),
                blanked,
                is_secret=is_secret or _is_secret(str(key)),
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_cleaned(item, name, blanked, is_secret=is_secret) for item in value]
    if isinstance(value, str) and value and (is_secret or _WITH_PASSWORD.search(value)):
        if name not in blanked:
            blanked.append(name)
        return ""
    return value


def _is_secret(key: str) -> bool:
    words = [
        word for word in re.split(r"[^a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).lower()) if word
    ]
    return bool(words) and (words[-1] in _SECRET_ENDS or "secret" in words)
