from __future__ import annotations

from pathlib import Path

import pytest

from app.system.time_zone import local_zone_name


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)


def test_a_link_into_the_database_tells_the_zone(tmp_path: Path) -> None:
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert local_zone_name(link, tmp_path / "none") == "Europe/Berlin"
    link.unlink()
    link.symlink_to("/var/db/timezone/zoneinfo/America/Argentina/Buenos_Aires")  # as on a Mac
    assert local_zone_name(link, tmp_path / "none") == "America/Argentina/Buenos_Aires"


def test_a_copy_has_its_name_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "localtime").write_bytes(b"TZif2")
    (tmp_path / "timezone").write_text("Asia/Tokyo\n")
    assert local_zone_name(tmp_path / "localtime", tmp_path / "timezone") == "Asia/Tokyo"


def test_the_variable_goes_before_and_what_is_no_zone_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "timezone").write_text("Mars/Olympus")
    nothing = (tmp_path / "none", tmp_path / "timezone")
    assert local_zone_name(*nothing) is None
    monkeypatch.setenv("TZ", ":Europe/Paris")
    assert local_zone_name(*nothing) == "Europe/Paris"
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    assert local_zone_name(*nothing) is None
