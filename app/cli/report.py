"""Says in a few lines what a backup is and how far it is proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import click

from app.cli import Exit
from app.cli.console import shown, size
from app.domain.backup import Backup, LeftOut, Manifest, PartRecord
from app.domain.proof import Outcome, Proof, ProofLevel, count_outcomes

_MOST_LINES = 20


def print_backup(backup: Backup) -> None:
    """Where a backup lies, what is in it, and its proof."""
    manifest = backup.manifest
    seconds = (manifest.finished - manifest.started).total_seconds()
    click.echo(f"Backup    {backup.folder}")
    database = shown(manifest.server.database)
    click.echo(f"Database  {database} of PostgreSQL {manifest.server.version}, {manifest.tool}")
    click.echo(
        f"Contents  {len(manifest.tables):,} tables, {manifest.rows:,} rows, "
        f"{manifest.large_objects.count:,} large objects"
    )
    click.echo(f"Size      {size(manifest.bytes)} in {len(manifest.files):,} files, taken in {seconds:.1f} s")
    for part in manifest.parts:
        if part.objects is not None:
            click.echo(shown(f"Part      {_part_words(part)}"))
    if manifest.options.note:
        click.echo(f"Note      {shown(manifest.options.note)}")
    for warning in manifest.warnings:
        click.secho(f"Warning   {shown(warning)}", fg="yellow")
    _print_left_out(manifest.left_out)
    print_proof(manifest.proof)


def _part_words(part: PartRecord) -> str:
    words = f"{part.name}: {part.objects:,}"
    if part.bytes:
        words += f", {size(part.bytes)}"
    if part.downloaded is not None:
        words += f" ({part.downloaded:,} downloaded, {part.linked:,} as in the backup before)"
    return words if part.path else f"{words}, {part.tool}"


def _print_left_out(left_out: Sequence[LeftOut]) -> None:
    """What a backup does not hold, a line for each; many of one kind end with how many there are more."""
    for part, group in groupby(left_out, key=lambda left: left.part):
        lines = list(group)
        for left in lines[:_MOST_LINES]:
            text = shown(f"Left out  {part}: {left.what} – {left.reason}")
            click.secho(text, fg="yellow")
        if len(lines) > _MOST_LINES:
            click.secho(
                f"          … and {len(lines) - _MOST_LINES:,} more; the manifest names all", fg="yellow"
            )


def print_proof(proof: Proof) -> None:
    """The level that was reached, the outcomes, and each exception with its reason."""
    if proof.has_failed:
        click.secho(f"Proof     failed: {shown(proof.failure)}", fg="red", bold=True)
    else:
        took = f", in {proof.seconds:.1f} s on PostgreSQL {proof.server}" if proof.server else ""
        click.secho(f"Proof     {proof.level}{took}", fg="green", bold=True)
    counts = count_outcomes(proof.objects)
    if counts:
        click.echo("Objects   " + ", ".join(f"{number:,} {outcome}" for outcome, number in counts.items()))
    groups = Counter((item.outcome, item.reason, item.kind) for item in proof.exceptions)
    names = {(item.outcome, item.reason, item.kind): item.name for item in proof.exceptions}
    ordered = sorted(groups, key=lambda group: (not group[0].is_failure, list(Outcome).index(group[0])))
    for group in ordered[:_MOST_LINES]:
        outcome, reason, kind = group
        what = f"{kind} {names[group]}" if groups[group] == 1 else f"{groups[group]:,} × {kind}"
        click.echo(shown(f"          {outcome}: {what}{f' – {reason}' if reason else ''}"))
    if len(ordered) > _MOST_LINES:
        click.echo(f"          … and {len(ordered) - _MOST_LINES:,} kinds more; the manifest lists all")
    for note in proof.notes:
        click.secho(f"Warning   {shown(note)}", fg="yellow")


def exit_status(proof: Proof, wanted: ProofLevel) -> Exit:
    """PROOF_FAILED when a check did not pass, or when less was shown than was asked for."""
    if proof.has_failed or proof.level.rank < wanted.rank:
        return Exit.PROOF_FAILED
    return Exit.DONE


def backup_object(backup: Backup) -> dict[str, object]:
    """A backup as `--json` prints it: its folder, its manifest's head, and its proof without every object."""
    manifest = backup.manifest
    proof = manifest.proof
    return {
        "folder": backup.folder,
        "id": manifest.id,
        "project": manifest.project,
        "started": manifest.started,
        "finished": manifest.finished,
        "server": manifest.server,
        "tool": manifest.tool,
        "format": manifest.format,
        "compression": manifest.compression,
        "bytes": manifest.bytes,
        "rows": manifest.rows,
        "tables": len(manifest.tables),
        "large_objects": manifest.large_objects.count,
        "parts": [_part_object(part, manifest) for part in manifest.parts],
        "left_out": manifest.left_out,
        "note": manifest.options.note,
        "warnings": manifest.warnings,
        "proof": proof_object(proof),
    }


def _part_object(part: PartRecord, manifest: Manifest) -> dict[str, object]:
    counts = {"objects": part.objects, "downloaded": part.downloaded, "linked": part.linked}
    length = part.bytes or sum(file.bytes for file in manifest.files if _is_in(file.path, part.path))
    known = {name: count for name, count in counts.items() if count is not None}
    return {"name": part.name, "path": part.path, "tool": part.tool, "bytes": length, **known}


def _is_in(file: str, part: str) -> bool:
    return bool(part) and (file == part or file.startswith(f"{part}/"))


def proof_object(proof: Proof) -> dict[str, object]:
    """A proof as `--json` prints it: the counts of all outcomes, and each exception."""
    exceptions = [item for item in proof.objects if item.outcome is not Outcome.IDENTICAL]
    return {
        "level": proof.level,
        "failed": proof.has_failed,
        "failure": proof.failure,
        "checked_at": proof.checked_at,
        "server": proof.server,
        "seconds": proof.seconds,
        "outcomes": {outcome.value: number for outcome, number in count_outcomes(proof.objects).items()},
        "exceptions": exceptions,
        "notes": proof.notes,
    }
