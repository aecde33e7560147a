"""A release is the version that its tag names, signed where there are secrets, and made by pinned tools."""

from __future__ import annotations

import codecs
import importlib.util
import json
import os
import plistlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app import __version__

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
MACOS = PACKAGING / "macos"
WINDOWS = PACKAGING / "windows"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = [*sorted(MACOS.glob("*.sh")), ROOT / ".github" / "appimage.sh"]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="scripts for bash")

CHANGELOG = """\
# Changelog

## [Unreleased]

- Not yet.

## [0.2.0] - 2026-12-01

### Added

- More, see [1].

## [0.1.0] - 2026-11-30

- The first.

[0.2.0]: https://example.com
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = load(PACKAGING / "release.py")
windows = load(WINDOWS / "make.py")


def test_the_notes_of_a_version_are_its_part_of_the_changelog() -> None:
    assert release.notes("0.2.0", CHANGELOG) == "### Added\n\n- More, see [1]."
    assert release.notes("0.1.0", CHANGELOG) == "- The first."
    assert release.notes("0.1", CHANGELOG) == ""


def test_only_the_tag_of_a_version_that_is_written_about_passes() -> None:
    release.check("v0.2.0", "0.2.0", CHANGELOG)
    with pytest.raises(SystemExit, match=r"v0\.2\.0 would be"):
        release.check("v0.2.1", "0.2.0", CHANGELOG)
    with pytest.raises(SystemExit, match="says nothing"):
        release.check("v0.3.0", "0.3.0", CHANGELOG)


def test_the_script_knows_the_version_that_the_app_gives_itself() -> None:
    assert release.version() == __version__


def test_the_workflow_writes_down_its_own_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("app", "resources"):
        (tmp_path / folder).mkdir()
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    monkeypatch.setattr(release, "ROOT", tmp_path)
    release.main(["page", "some-one/holdfast.fork"])
    assert json.loads((tmp_path / "resources" / "release.json").read_text()) == {
        "page": "https://github.com/some-one/holdfast.fork/releases",
        "feed": "https://api.github.com/repos/some-one/holdfast.fork/releases/latest",
    }
    with pytest.raises(SystemExit, match="OWNER/NAME"):
        release.main(["page", "https://example.com"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_use_pinned_actions_and_few_rights(workflow: Path) -> None:
    text = workflow.read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one)] == []
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert text.count("runs-on: ") == text.count("timeout-minutes: ")
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE)
    assert text.count(": write") == (3 if workflow.name == "release.yml" else 0)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_name_from_outside_becomes_a_part_of_a_command(workflow: Path) -> None:
    """Tags and branches have names that their authors choose: commands get them as variables."""
    commands = re.findall(r"run: (?:>-|\|)?(.*(?:\n {10,}.*)*)", workflow.read_text())
    assert commands
    assert [command for command in commands if "${{" in command] == []


@posix_only
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_bash_and_say_what_they_miss(script: Path, tmp_path: Path) -> None:
    assert os.access(script, os.X_OK)
    assert call("bash", "-n", str(script)).stderr == ""
    for arguments in ([], [str(tmp_path / "none"), str(tmp_path / "target")]):
        done = call(str(script), *arguments)
        assert done.returncode == 1
        assert re.fullmatch(rf"{script.name}: .+\n", done.stderr), done.stderr


@posix_only
@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "HOLDFAST_MACOS_IDENTITY"),
        (
            {"HOLDFAST_MACOS_IDENTITY": "me", "HOLDFAST_MACOS_CERTIFICATE": "eA=="},
            "HOLDFAST_MACOS_CERTIFICATE_PASSWORD",
        ),
    ],
)
def test_signing_names_the_secret_that_is_missing(
    given: dict[str, str], missing: str, tmp_path: Path
) -> None:
    (tmp_path / "Contents" / "MacOS").mkdir(parents=True)
    assert f"{missing} is not set" in call(str(MACOS / "sign.sh"), str(tmp_path), **given).stderr


@posix_only
def test_notarizing_names_the_secret_that_is_missing(tmp_path: Path) -> None:
    image = tmp_path / "image.dmg"
    image.touch()
    given: dict[str, str] = {}
    for name in ("HOLDFAST_NOTARY_KEY", "HOLDFAST_NOTARY_KEY_ID", "HOLDFAST_NOTARY_ISSUER"):
        assert f"{name} is not set" in call(str(MACOS / "notarize.sh"), str(image), **given).stderr
        given[name] = "given"


@posix_only
def test_an_app_is_signed_from_the_inside_out(tmp_path: Path) -> None:
    """Apple's own tools stand in as scripts that write down how they were called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("codesign", f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{tmp_path}/calls"\n'),
        ("file", '#!/bin/sh\nhead -c 6 "$2"\n'),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    app = tmp_path / "Hold fast.app"
    binaries = [
        "Contents/Frameworks/libssl.dylib",
        "Contents/Frameworks/QtCore.framework/Versions/A/QtCore",
        "Contents/Resources/pginstall/bin/pg dump",
        "Contents/MacOS/holdfast",
    ]
    for place in (*binaries, "Contents/Resources/icon.icns"):
        (app / place).parent.mkdir(parents=True, exist_ok=True)
        (app / place).write_text("Mach-O" if place in binaries else "picture")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = call(str(MACOS / "sign.sh"), str(app), HOLDFAST_MACOS_IDENTITY="Me (1)", PATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    *signed, verified = (tmp_path / "calls").read_text().splitlines()
    common = "--force --timestamp --sign Me (1) --options runtime"
    assert sorted(signed[:3]) == sorted(f"{common} {app}/{place}" for place in binaries[:3])
    assert signed[3:] == [
        f"{common} {app}/Contents/Frameworks/QtCore.framework",
        f"{common} --entitlements {MACOS}/entitlements.plist {app}",
    ]
    assert verified == f"--verify --deep --strict --verbose=2 {app}"


def test_macos_is_told_what_it_asks_of_an_app() -> None:
    told = plistlib.loads((MACOS / "Info.plist").read_bytes())
    assert told["NSHighResolutionCapable"] is True
    assert told["NSRequiresAquaSystemAppearance"] is False
    assert told["LSUIElement"] is False
    assert re.fullmatch(r"[A-Za-z0-9.-]+", told["CFBundleIdentifier"])
    declared = {one["UTTypeIdentifier"] for one in told["UTImportedTypeDeclarations"]}
    taken = {kind for one in told["CFBundleDocumentTypes"] for kind in one["LSItemContentTypes"]}
    assert declared <= taken
    allowed = plistlib.loads((MACOS / "entitlements.plist").read_bytes())
    assert allowed == {"com.apple.security.cs.allow-unsigned-executable-memory": True}


def test_windows_executables_say_their_version() -> None:
    text = (WINDOWS / "version_info.txt").read_text().format(version="0.2.0rc1", numbers="0, 2, 0, 0")
    names = dict.fromkeys(
        ("FixedFileInfo", "StringFileInfo", "StringTable", "StringStruct", "VarFileInfo", "VarStruct"),
        lambda *values, **named: values or named,
    )
    said = eval(text, names | {"VSVersionInfo": lambda **named: named})
    assert said["ffi"]["filevers"] == (0, 2, 0, 0)
    ((((_, strings),),), _) = said["kids"]
    assert dict(strings)["ProductVersion"] == "0.2.0rc1"


def test_the_installer_is_given_the_version_and_who_signs() -> None:
    plain = windows.installer_command("iscc", "0.2.0", signed=False)
    assert plain[:4] == ["iscc", "/Qp", "/DVersion=0.2.0", "/DNumbers=0.2.0.0"]
    signed = windows.installer_command("iscc", "0.2.0rc1", signed=True)
    assert signed[3:5] == ["/DNumbers=0.2.0.0", "/DSign"]
    assert signed[5].startswith("/Sholdfast=pwsh ")
    assert signed[5].endswith("sign.ps1$q $f")
    with pytest.raises(SystemExit, match="no version"):
        windows.numbers("next")


def test_the_installer_stays_the_same_program_to_windows() -> None:
    """With another AppId the next version would be installed beside this one."""
    raw = (WINDOWS / "holdfast.iss").read_bytes()
    assert raw.startswith(codecs.BOM_UTF8), "older compilers would take it for the system's own encoding"
    script = raw.decode()
    assert "AppId={{13A76421-ACA0-4CD9-A49C-A9B14C7D3858}" in script
    assert "PrivilegesRequired=lowest" in script
    languages = set(re.findall(r'^Name: "(\w\w)"; MessagesFile', script, re.MULTILINE))
    texts = re.findall(r"^(\w\w)\.(\w+)=.", script, re.MULTILINE)
    for _, name in texts:
        assert {language for language, other in texts if other == name} == languages


@posix_only
def test_without_a_build_there_is_no_installer() -> None:
    if (ROOT / "build" / "package" / "holdfast" / "holdfast.exe").exists():
        pytest.skip("there is one")
    done = call(sys.executable, str(WINDOWS / "make.py"))
    assert done.returncode == 1
    assert "Run “bootstrap.py build” first" in done.stderr


def call(*command: str, **given: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return subprocess.run(command, env=plain | given, capture_output=True, text=True, timeout=60, check=False)
