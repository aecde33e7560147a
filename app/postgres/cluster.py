"""Prepares what a sandbox starts from: programs that its user can run, and a fresh data folder.

Both are made once and kept: initdb takes most of a second, copying its result a tenth of that.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.postgres.toolchain import Installation
from app.system import paths
from app.system.cancellation import CancelToken
from app.system.process import child_environment, run

SUPERUSER = "holdfast_sandbox"

_NOBODY = 65_534
_TEMPLATE_FORMAT = 1
_TIME_LIMIT = 120.0
_NEXT_OID = 2_000_000_000
"""Oids start here, so that dangling oids and regclass numbers of a dump do not name something real."""


def sandbox_user() -> int | None:
    """Whom the server runs as: nobody for root, whom PostgreSQL refuses; otherwise the user."""
    return _NOBODY if paths.is_root() else None


def own_by_sandbox_user(path: Path) -> None:
    """Give the path to the user that the server runs as."""
    if sys.platform != "win32" and paths.is_root():
        os.chown(path, _NOBODY, _NOBODY)


def reachable(installation: Installation, root: Path, workspace: Path) -> Installation:
    """The installation itself, or for root a copy of the bundled one where nobody can run it.

    Args:
        installation: whose server shall run.
        root: where copies are kept.
        workspace: a folder below `root` that is removed when this process has ended.

    Raises:
        AppError: SANDBOX_FAILED when the sandbox's user cannot run it.
        OSError: it cannot be copied.
    """
    if not paths.is_root() or _runs_as_nobody(installation, workspace):
        return installation
    if installation.origin != "bundled":
        raise sandbox_error(
            f"{installation.program('postgres')} cannot be run by the user nobody",
            hint="Move this PostgreSQL to a folder that every user can read, such as /opt.",
        )
    prefix = installation.folder.parent
    package = prefix.parent.name
    kept = root / "servers" / _key(installation)
    copied = replace(installation, folder=kept / package / prefix.name / installation.folder.name)
    if not (kept.exists() and _runs_as_nobody(copied, workspace)):
        shutil.rmtree(kept, ignore_errors=True)
        copy = workspace / "server"
        unneeded = shutil.ignore_patterns("include", "doc", "pgxs", "*.a")
        shutil.copytree(prefix, copy / package / prefix.name, symlinks=True, ignore=unneeded)
        libraries = prefix.parent.with_name(f"{package}.libs")  # where a wheel may keep shared libraries
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        _keep(copy, kept, parent_mode=0o755)
        if not _runs_as_nobody(copied, workspace):
            raise sandbox_error(
                f"{copied.program('postgres')} cannot be run by the user nobody",
                hint="Set XDG_CACHE_HOME to a folder that every user can read.",
            )
    return copied


def _runs_as_nobody(installation: Installation, workspace: Path) -> bool:
    command: list[str | Path] = [installation.program("postgres"), "--version"]
    try:
        return run(command, env=child_environment(), timeout=10, user=_NOBODY, cwd=workspace).status == 0
    except AppError:
        return False


def new_cluster(installation: Installation, root: Path, workspace: Path, cancel: CancelToken) -> str:
    """Make `workspace/data`, a cluster that was never started, and give its superuser's password.

    Raises:
        AppError: SANDBOX_FAILED with initdb's own words.
        Cancelled: `cancel` was set.
        OSError: it cannot be written.
    """
    kept = root / "templates" / _key(installation)
    if not kept.exists():
        _keep(_make_template(installation, workspace), kept, parent_mode=0o700)
    _copy_data(kept / "data", workspace / "data", cancel)
    return (kept / "password").read_text()


def forget(installation: Installation, root: Path) -> None:
    """Have the cluster made anew next time: a power cut may have damaged the one that was kept."""
    shutil.rmtree(root / "templates" / _key(installation), ignore_errors=True)


def _make_template(installation: Installation, workspace: Path) -> Path:
    template = workspace / "template"
    data, password = template / "data", template / "password"
    data.mkdir(parents=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    template.chmod(0o711)
    own_by_sandbox_user(data)
    own_by_sandbox_user(password)
    major = installation.version.major
    initdb: list[str | Path] = [
        *(installation.program("initdb"), "-D", data, "--username", SUPERUSER, "--no-sync"),
        *("--auth", "scram-sha-256", "--pwfile", password, "--encoding", "UTF8"),
    ]
    if major >= 18:
        initdb.append("--no-data-checksums")
    # ICU is in neither wheel. C.UTF-8 knows letters beyond ASCII, which C does not; not every libc has it.
    if major >= 17:
        _run(
            [*initdb, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
            workspace,
        )
    else:
        try:
            _run([*initdb, "--locale=C.UTF-8"], workspace)
        except AppError as error:
            if "invalid locale" not in error.detail:
                raise
            _run([*initdb, "--locale=C"], workspace)
    _run([installation.program("pg_resetwal"), "-o", str(_NEXT_OID), "-D", data], workspace)
    return template


def _run(command: Sequence[str | Path], workspace: Path) -> None:
    # Not to be cancelled: a killed initdb leaves shared memory behind, and it takes a second.
    done = run(
        command,
        env=child_environment(),
        timeout=_TIME_LIMIT,
        user=sandbox_user(),
        cwd=workspace,
    )
    if done.status != 0:
        raise sandbox_error(done.errors or done.output)


def _key(installation: Installation) -> str:
    """Names a build: two with the same version, origin and size are taken for the same."""
    size = installation.program("postgres").stat().st_size
    return f"{installation.version}-{installation.origin.replace(' ', '-')}-{size}-{_TEMPLATE_FORMAT}"


def _keep(new: Path, kept: Path, *, parent_mode: int) -> None:
    """Put a finished folder in its place, unless another process was faster."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    if paths.is_root():
        kept.parent.chmod(parent_mode)
    try:
        new.rename(kept)
    except OSError:
        if not kept.exists():
            raise


def _copy_data(source: Path, target: Path, cancel: CancelToken) -> None:
    cancel.check()
    target.mkdir(mode=0o700)
    own_by_sandbox_user(target)
    with os.scandir(source) as entries:
        for entry in entries:
            copy = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                _copy_data(Path(entry.path), copy, cancel)
            else:
                shutil.copyfile(entry.path, copy)
                copy.chmod(0o600)
                own_by_sandbox_user(copy)


def sandbox_error(detail: str, *, hint: str = "") -> AppError:
    """The `AppError` for a sandbox that does not start, with the remedy where it is known."""
    if "No space left on device" in detail:
        return AppError(
            ErrorCode.DISK_FULL,
            "The disk is full",
            detail=detail,
            hint="Free some space where Holdfast keeps its cache, then start again.",
        )
    if "timezone" in detail.lower():
        hint = "The system's time zone data is missing: install it with “sudo apt install tzdata”."
    return AppError(
        ErrorCode.SANDBOX_FAILED,
        "The sandbox could not be started",
        detail=detail.strip(),
        hint=hint or "Run “holdfast doctor” to see which PostgreSQL servers there are.",
    )
