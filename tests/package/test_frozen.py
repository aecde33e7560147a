"""The built app beside the source tree: the same backups, and nothing that is left out is missed."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path

import pytest

from app.postgres.sandbox import SandboxServer
from app.system.process import run
from tests.conftest import NewDatabase

pytestmark = [pytest.mark.package, pytest.mark.timeout(300)]

_ROOT = Path(__file__).parents[2]
_SOURCE = (sys.executable, "-m", "app")
_TIMES_AND_PLACES = re.compile(
    r"\d{8}T\d{6}Z-[0-9a-f]{6}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|\"[^\"]*/pginstall/bin[^\"]*\""
)
_WITHOUT = """
import importlib, pkgutil, sys
from importlib.abc import MetaPathFinder

class Without(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in sys.argv[1:]:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Without())
import app
for one in pkgutil.walk_packages(app.__path__, "app."):
    if one.name not in ("app.__main__", "app.system.windows_children"):
        importlib.import_module(one.name)
from app.cli import run_command_line
sys.exit(run_command_line(["demo"]))
"""
_OWN_TO_A_RUN = {"seconds", "duration", "sha256", "size", "bytes", "snapshot", "id", "seal"}


@pytest.fixture(scope="module")
def built() -> str:
    """The executable that "bootstrap.py build" made."""
    program = _ROOT / "build" / "package" / "holdfast" / "holdfast"
    if not program.exists():
        pytest.skip("nothing was built; run “bootstrap.py build” before")
    return str(program)


def test_the_built_app_and_the_source_write_the_same_manifest(
    built: str, server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path
) -> None:
    shop = new_shop(server17, "shop")
    manifests = []
    for name, command in (("built", [built]), ("source", _SOURCE)):
        target = tmp_path / name
        target.mkdir()
        url = ("backup", "--url", shop.conninfo, "--to", str(target), "--proof", "proven", "--json")
        environment = os.environ | {"PGPASSWORD": shop.password, "PYTHONPATH": str(_ROOT)}
        done = run([*command, *url], env=environment, timeout=120)
        assert done.status == 0, done.output + done.errors
        (manifest,) = target.rglob("manifest.json")
        manifests.append(comparable(json.loads(manifest.read_bytes())))
    assert manifests[0] == manifests[1]


def comparable(value: object) -> object:
    """A manifest without what differs from run to run: moments, durations, and files that hold those."""
    if isinstance(value, dict):
        return {name: comparable(one) for name, one in value.items() if name not in _OWN_TO_A_RUN}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    return _TIMES_AND_PLACES.sub("…", json.dumps(value)) if isinstance(value, str) else value


def test_every_verb_of_the_built_app_explains_itself(built: str, tmp_path: Path) -> None:
    """Each verb's module is imported for it, so that none was left out."""
    environment = os.environ | {"HOME": str(tmp_path)}
    text = run([built, "--help"], env=environment, timeout=60).output
    verbs = re.findall(r"^  ([a-z-]+)  ", text.split("Commands:")[1], re.MULTILINE)
    assert len(verbs) > 12
    for verb in verbs:
        done = run([built, verb, "--help"], env=environment, timeout=60)
        assert (done.status, done.errors) == (0, ""), verb


def test_the_built_doctor_finds_both_bundled_servers(built: str, tmp_path: Path) -> None:
    done = run([built, "doctor", "--json"], env=os.environ | {"HOME": str(tmp_path)}, timeout=60)
    found = json.loads(done.output)
    bundled = [tool for tool in found["tools"] if tool["origin"] == "bundled"]
    assert [tool["version"].split(".")[0] for tool in bundled] == ["17", "18"]
    assert all(tool["server"] and not tool["problem"] for tool in bundled)


def test_nothing_imports_what_is_left_out(tmp_path: Path) -> None:
    """All of Holdfast, and a whole backup with its proof, where importing what is left out is an error."""
    spec = (_ROOT / "packaging" / "holdfast.spec").read_text()
    (excluded,) = re.findall(r"^EXCLUDED = (\[.*?\n\])", spec, re.MULTILINE | re.DOTALL)
    environment = os.environ | {
        "HOME": str(tmp_path),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": str(_ROOT),
    }
    done = run([sys.executable, "-c", _WITHOUT, *ast.literal_eval(excluded)], env=environment, timeout=120)
    assert done.status == 0, done.errors


def test_a_wheel_and_an_sdist_install_and_run(tmp_path: Path) -> None:
    pip = ("-m", "pip", "--disable-pip-version-check", "-q")
    alone = ("--no-deps", "--no-build-isolation")
    sdist = f"from hatchling.build import build_sdist; build_sdist({str(tmp_path)!r})"
    python(*pip, "wheel", *alone, "--wheel-dir", str(tmp_path), str(_ROOT))
    python("-c", sdist)
    for source in (*tmp_path.glob("*.whl"), *tmp_path.glob("*.tar.gz")):
        target = tmp_path / f"from-{source.suffix}"
        python(*pip, "install", *alone, "--target", str(target), str(source))
        assert {one.suffix for one in (target / "app/resources/translations").iterdir()} >= {".qm"}
        environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(target)}
        done = run([sys.executable, "-P", "-m", "app", "demo"], env=environment, timeout=120)
        assert (done.status, "proven" in done.output) == (0, True), done.errors
    assert len(list(tmp_path.glob("from-*"))) == 2


def python(*arguments: str) -> None:
    """Run this Python in the source tree; anything but success ends the test."""
    done = run([sys.executable, *arguments], env=os.environ, timeout=240, cwd=_ROOT)
    assert done.status == 0, done.output + done.errors
