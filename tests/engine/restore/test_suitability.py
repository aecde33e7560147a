from __future__ import annotations

import pytest

from app.domain.backup import Contents
from app.domain.restore import Finding, RestoreMode, RestoreOptions, Severity
from app.engine.restore.source_facts import SourceFacts
from app.engine.restore.suitability import suitability
from app.postgres.target_facts import TargetFacts
from app.postgres.toolchain import Version


def of_superuser(
    source: SourceFacts, *, is_new: bool = False, contents: Contents = Contents.ALL
) -> list[Finding]:
    """What a plan says of a superuser who restores."""
    mode = RestoreMode.NEW_DATABASE if is_new else RestoreMode.ONE_TRANSACTION
    target = TargetFacts("shop", Version(17, 0), "root", is_new=is_new, is_superuser=True, encoding="UTF8")
    found = suitability(source, target, RestoreOptions(contents=contents), mode, ())
    return [one for one in found if "superuser" in one.title]


@pytest.mark.parametrize(("is_new", "role"), [(False, "that owns shop"), (True, "with CREATEDB")])
def test_a_file_of_anybody_warns_a_superuser_and_says_what_to_do(is_new: bool, role: str) -> None:
    (finding,) = of_superuser(SourceFacts("a file", ()), is_new=is_new)
    assert finding.severity is Severity.WARNS
    assert f"restore as a role {role}" in finding.hint


def test_a_backup_of_holdfast_or_rows_alone_do_not_warn() -> None:
    (finding,) = of_superuser(SourceFacts("a backup", (), is_backup=True))
    assert finding.severity is Severity.INFORMS
    assert of_superuser(SourceFacts("a file", ()), contents=Contents.DATA) == []
