"""Edge functions in a backup, each in its own folder: `function.json` says what it is, `body` is its code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from app.domain.backup import LeftOut
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.project import folder_name
from app.supabase.access import Management
from app.supabase.kept import Kept, asked, write_bytes, write_json
from app.system.cancellation import CancelToken, abandonable
from app.system.files import path_inside

PART = "functions"
FOLDER = "functions"

_METADATA = "function.json"
_BODY = "body"
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True)
class SavedFunction:
    """A function of a backup."""

    slug: str
    metadata: Mapping[str, Any]
    body: Path


def save_functions(folder: Path, ref: str, api: Management, cancel: CancelToken, listener: Listener) -> Kept:
    """Write every function of a project below the backup's folder.

    Raises:
        AppError: they cannot be listed.
        Cancelled: `cancel` was set.
    """
    functions = abandonable(lambda: api.functions(ref), cancel)
    left_out: list[LeftOut] = []
    names: set[str] = set()
    total = objects = 0
    for number, function in enumerate(functions):
        slug = str(function.slug)
        listener(Progress(Phase.SAVING_SETTINGS, number / len(functions), slug))
        question = partial(api.function_body, ref, slug)
        body = asked(partial(abandonable, question, cancel), PART, slug, left_out)
        if body is None:
            continue
        name = folder_name(slug)
        if name.casefold() in names:  # slugs may differ in case alone, names of folders often not
            name = f"{name}-{number}"
        names.add(name.casefold())
        total += write_json(folder / FOLDER / name / _METADATA, msgspec.to_builtins(function))
        total += write_bytes(folder / FOLDER / name / _BODY, body)
        objects += 1
    return Kept(objects, total, tuple(left_out))


def saved_functions(backup: Path) -> Iterator[SavedFunction]:
    """The functions of a backup.

    Raises:
        AppError: ARCHIVE_DAMAGED when one cannot be read.
    """
    for path in sorted((backup / FOLDER).glob(f"*/{_METADATA}")):
        try:
            metadata = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            slug = str(metadata["slug"])
        except (OSError, msgspec.MsgspecError, KeyError) as error:
            raise _damaged(path, str(error)) from error
        if not _SLUG.fullmatch(slug):  # it becomes part of an address
            raise _damaged(path, f"{slug[:80]!a} is no function’s name")
        body = path_inside(backup, f"{FOLDER}/{path.parent.name}/{_BODY}")
        yield SavedFunction(slug, metadata, body)


def deploy_functions(
    backup: Path, ref: str, api: Management, cancel: CancelToken, listener: Listener
) -> Kept:
    """Make every function of a backup in a project, or replace it there.

    Raises:
        AppError: a function's file is damaged, or the token does not do.
        Cancelled: `cancel` was set; those that were made stay.
    """
    functions = list(saved_functions(backup))
    left_out: list[LeftOut] = []
    total = objects = 0
    for number, function in enumerate(functions):
        listener(Progress(Phase.DEPLOYING, number / len(functions), function.slug))
        try:
            body = function.body.read_bytes()
        except OSError as error:
            raise _damaged(function.body, error.strerror or "") from error

        def deploy(function: SavedFunction = function, body: bytes = body) -> bool:
            abandonable(lambda: api.deploy_function(ref, function.metadata, body), cancel)
            return True

        if asked(deploy, PART, function.slug, left_out):
            objects += 1
            total += len(body)
    return Kept(objects, total, tuple(left_out))


def _damaged(path: Path, reason: str) -> AppError:
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        "A function of the backup cannot be read",
        detail=f"{path}: {reason}",
        hint="Use another backup.",
    )
