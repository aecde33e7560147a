"""Gives a backup's parts back once its database is restored, and adds to the report what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.backup import Backup
from app.domain.errors import AppError
from app.domain.events import Listener, Notice
from app.domain.restore import Action, PlannedObject, RestoreFailure, RestoreReport, RestoreResult
from app.engine.parts.restoring import Target, restore_part
from app.system.cancellation import CancelToken


def with_parts(
    report: RestoreReport,
    backup: Backup,
    target: Target,
    cancel: CancelToken,
    listener: Listener,
    *,
    names: Sequence[str],
) -> RestoreReport:
    """Give the named parts back; one that fails leaves the others and the database as they are.

    Raises:
        Cancelled: the database and what was given back until then stay.
    """
    if report.result not in (RestoreResult.SUCCEEDED, RestoreResult.INCOMPLETE):
        return report
    for name in names:
        try:
            part = restore_part(name, backup, target, cancel, listener)
        except AppError as error:
            cause = f"{error.title}. {error.detail}".rstrip(". ")
            failure = RestoreFailure(name, "", "", cause, error.hint)
            report = replace(report, result=RestoreResult.INCOMPLETE, failures=(*report.failures, failure))
            listener(Notice(f"{name.capitalize()}: not given back. {error}"))
            continue
        listener(Notice(f"{name.capitalize()}: {part.objects:,} given back."))
        left_out = (PlannedObject(one.part, one.what, Action.SKIP, one.reason) for one in part.left_out)
        report = replace(report, skipped=(*report.skipped, *left_out))
    return report
