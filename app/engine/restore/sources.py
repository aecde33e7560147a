"""Looks into any number of sources, one after the other, and knows scripts that belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.engine.restore.contents import SourceContents, contents_of
from app.engine.restore.source import open_source, outline_of, source_of_scripts
from app.postgres.dump_files import DumpFile, identify, identify_all
from app.postgres.script_outline import ScriptOutline
from app.postgres.script_trio import TrioRole, trio_order, trio_role
from app.system.cancellation import CancelToken

_ROWS_KIND = "TABLE DATA"


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found at these paths: what they hold, or why that cannot be said."""

    paths: tuple[Path, ...]
    found: SourceContents | AppError


def inspect_sources(
    paths: Sequence[Path], workspace: Path, cancel: CancelToken, *, database: str = ""
) -> Iterator[Inspected]:
    """Look into sources, one after the other; scripts that belong together are one.

    Archives are not read further than their table of contents, scripts to their end.

    Args:
        workspace: an empty folder; what must be unpacked goes there.
        database: which one of scripts for a whole server.

    Raises:
        Cancelled: `cancel` was set. Whatever else goes wrong is given in its place.
    """
    looked = [_scripts_at(path, cancel, database) for path in paths]
    everything = [script for found in looked if isinstance(found, list) for script in found]
    together = _in_order(everything)
    if together:
        yield _inspected_scripts(together)
    for number, (path, found) in enumerate(zip(paths, looked, strict=True)):
        if isinstance(found, AppError):
            yield Inspected((path,), found)
        elif found is None:
            yield Inspected((path,), _opened(path, workspace / str(number), cancel))
        elif not together:
            group = _in_order(found)
            for scripts in [group] if group else [[script] for script in found]:
                yield _inspected_scripts(scripts)


@dataclass(frozen=True, slots=True)
class _Script:
    """A script that was read to its end."""

    dump: DumpFile
    outline: ScriptOutline


def _scripts_at(path: Path, cancel: CancelToken, database: str) -> list[_Script] | AppError | None:
    """Read the scripts at a path; None when something else is there."""
    try:
        dumps = identify_all([path], cancel.check)
        if not all(dump.is_script for dump in dumps):
            return None
        return [_Script(dump, outline_of(dump, cancel, database)) for dump in dumps]
    except AppError as error:
        return error


def _in_order(scripts: Sequence[_Script]) -> list[_Script]:
    """Scripts that belong together, as they are to run; none when they do not."""
    if len(scripts) < 2:
        return []
    try:
        order = trio_order([script.outline for script in scripts])
    except AppError as error:
        if error.code is not ErrorCode.INVALID_INPUT:
            raise
        return []
    by_role = {trio_role(script.outline): script.outline for script in scripts}
    if TrioRole.SCHEMA in by_role and TrioRole.DATA in by_role:
        filled = _names(by_role[TrioRole.DATA], _ROWS_KIND)
        if filled and filled.isdisjoint(_names(by_role[TrioRole.SCHEMA], "TABLE")):
            return []
    return [scripts[place] for place in order]


def _names(outline: ScriptOutline, kind: str) -> set[tuple[str, str]]:
    return {(entry.schema, entry.tag) for entry in outline.entries if entry.kind == kind}


def _inspected_scripts(scripts: Sequence[_Script]) -> Inspected:
    dumps = tuple(script.dump for script in scripts)
    source = source_of_scripts(dumps, [script.outline for script in scripts])
    paths = tuple(dict.fromkeys(dump.path for dump in dumps))
    return Inspected(paths, contents_of(source, paths, dumps[0]))


def _opened(path: Path, workspace: Path, cancel: CancelToken) -> SourceContents | AppError:
    try:
        workspace.mkdir()
        dump = identify(path, cancel.check)
        source = open_source([path], workspace, cancel)
        return contents_of(source, (path,), dump)
    except AppError as error:
        return error
