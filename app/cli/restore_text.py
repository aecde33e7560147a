"""Says in lines what a restore would do, and what came of it."""

from __future__ import annotations

from collections import Counter

import click

from app.cli.console import shown, size
from app.domain.restore import Action, RestorePlan, RestoreReport, RestoreResult, Severity
from app.engine.restore.wording import counted

_MOST_LINES = 20
_WORTH_TELLING = 1_000_000
_COLOURS = {Severity.BLOCKS: "red", Severity.WARNS: "yellow", Severity.INFORMS: None}
_WORDS = {Severity.BLOCKS: "Blocked", Severity.WARNS: "Warning", Severity.INFORMS: "Note"}


def print_plan(plan: RestorePlan, *, briefly: bool = False) -> None:
    """Source, target, findings and steps; unless `briefly`, each object in its order."""
    click.echo(f"Source    {shown(plan.source)}")
    click.echo(f"Target    {shown(plan.target)}")
    if not briefly:
        for number, step in enumerate(plan.steps, 1):
            click.echo(shown(f"{'Steps' if number == 1 else '':9} {number}. {step}"))
        if (plan.bytes_needed or 0) >= _WORTH_TELLING:
            click.echo(f"Space     about {size(plan.bytes_needed or 0)} on the server")
        _print_objects(plan)
    for finding in plan.findings:
        word = f"{_WORDS[finding.severity]:9}"
        click.secho(
            shown(f"{word} {finding.title}"),
            fg=_COLOURS[finding.severity],
            bold=finding.severity is Severity.BLOCKS,
        )
        for text in (*finding.detail.splitlines(), *finding.hint.splitlines()):
            click.echo(f"{'':9} {shown(text)}")


def _print_objects(plan: RestorePlan) -> None:
    counts = Counter(item.action for item in plan.objects)
    click.echo(
        "Objects   " + ", ".join(f"{counts[action]:,} {action}" for action in Action if counts[action])
    )
    for item in plan.objects:
        rows = f", {counted(item.rows, 'row')}" if item.rows is not None else ""
        reason = f" – {item.reason}" if item.reason else ""
        click.echo(shown(f"          {item.action}: {item.kind} {item.name}{rows}{reason}"))


def _restored(report: RestoreReport) -> str:
    if report.tables is None:
        return counted(report.objects, "object")
    rows = f", {counted(sum(check.found for check in report.rows), 'row')}" if report.rows else ""
    return f"the rows of {counted(report.tables, 'table')}{rows}"


def print_report(report: RestoreReport) -> None:
    """How it ended, what failed and why, and the rows."""
    seconds = (report.finished - report.started).total_seconds()
    good = report.result is RestoreResult.SUCCEEDED
    click.secho(
        f"Result    {report.result} in {seconds:.1f} s: {_restored(report)} restored",
        fg="green" if good else "red",
        bold=True,
    )
    if report.rows:
        total = sum(check.found for check in report.rows)
        tables = counted(len(report.rows), "table")
        click.echo(f"Rows      {total:,} in {tables}, compared with the source")
    for check in report.different_rows[:_MOST_LINES]:
        table = shown(f"{check.schema}.{check.name}")
        click.secho(
            f"          {table}: {counted(check.found, 'row')} instead of {check.expected:,}", fg="red"
        )
    for failure in report.failures[:_MOST_LINES]:
        what = f"{failure.kind} {failure.name}: " if failure.kind else ""
        click.secho(shown(f"Failed    {what}{failure.cause}"), fg="red")
        for text in filter(None, (failure.statement.partition("\n")[0], failure.remedy)):
            click.echo(shown(f"          {text}"))
    if len(report.failures) > _MOST_LINES:
        click.echo(f"          … and {len(report.failures) - _MOST_LINES:,} more; --json lists all")
    groups = Counter((item.action, item.kind, item.reason) for item in report.skipped)
    names = {(item.action, item.kind, item.reason): item.name for item in report.skipped}
    for group in list(groups)[:_MOST_LINES]:
        action, kind, reason = group
        what = f"{kind} {names[group]}" if groups[group] == 1 else f"{groups[group]:,} × {kind}"
        word = "Skipped" if action is Action.SKIP else "Changed"
        click.echo(shown(f"{word:9} {what}{f' – {reason}' if reason else ''}"))
    if report.safety_backup:
        click.echo(f"Before    the target was backed up to {report.safety_backup}")
    if report.left:
        click.echo(shown(f"Target    {report.left}"))
