from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.backup import MANIFEST_VERSION, FileRecord, Manifest, TableRecord
from app.domain.errors import AppError, ErrorCode
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel
from app.persistence.manifest import (
    MANIFEST_NAME,
    decode_manifest,
    encode_manifest,
    read_manifest,
    write_manifest,
)

PATH = Path("backup") / MANIFEST_NAME
anything = st.text(st.characters(codec=None) | st.sampled_from('\0\\"\n\udce9d9u0/'))
shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def sealed(body: bytes) -> bytes:
    return body + b',\n  "seal": "' + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


def code_of(data: bytes) -> ErrorCode:
    with pytest.raises(AppError) as caught:
        decode_manifest(data, PATH)
    assert MANIFEST_NAME in str(caught.value)
    return caught.value.code


def test_what_is_written_is_read(tmp_path: Path, manifest: Manifest) -> None:
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert (tmp_path / MANIFEST_NAME).stat().st_mode & 0o777 == 0o600


def test_a_new_proof_replaces_the_old_one(tmp_path: Path, manifest: Manifest) -> None:
    write_manifest(tmp_path, manifest)
    outcome = ObjectOutcome("TABLE", "public.orders", Outcome.IDENTICAL)
    proven = replace(manifest, proof=Proof(ProofLevel.PROVEN, manifest.finished, objects=(outcome,)))
    write_manifest(tmp_path, proven)
    assert read_manifest(tmp_path) == proven
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]


@shared_fixtures
@given(schema=anything, name=anything, key=anything, note=anything)
def test_any_name_comes_back(manifest: Manifest, schema: str, name: str, key: str, note: str) -> None:
    table = TableRecord(schema, name, 1, None, 2, "", f"COPY {schema}.{name} FROM stdin;")
    odd = replace(manifest, tables=(table,), session={key: name}, warnings=(note,))
    data = encode_manifest(odd)
    data.decode("utf-8")
    assert decode_manifest(data, PATH) == odd


def test_plain_names_are_written_plainly_and_bytes_by_their_number(manifest: Manifest) -> None:
    text = encode_manifest(replace(manifest, roles=("Käse \\u0000 😀", "caf\udce9"))).decode()
    assert '"Käse \\\\u0000 😀"' in text
    assert '"caf\\u0000dce9"' in text


def test_it_is_plain_json_with_the_seal_last(manifest: Manifest) -> None:
    data = encode_manifest(manifest)
    assert list(json.loads(data))[-1] == "seal"
    assert json.loads(data)["server"]["database"] == "shop"
    assert data == sealed(data[: data.rindex(b",\n")])


def test_every_flipped_bit_is_found(manifest: Manifest) -> None:
    data = encode_manifest(manifest)
    for position in range(len(data)):
        for bit in (0x01, 0x20, 0x80):
            flipped = bytearray(data)
            flipped[position] ^= bit
            assert code_of(bytes(flipped)) is ErrorCode.ARCHIVE_DAMAGED, position


def test_every_truncation_is_found(manifest: Manifest) -> None:
    data = encode_manifest(manifest)
    assert {code_of(data[:length]) for length in range(len(data))} == {ErrorCode.ARCHIVE_DAMAGED}


def test_bytes_after_the_end_are_found(manifest: Manifest) -> None:
    assert code_of(encode_manifest(manifest) + b"\n") is ErrorCode.ARCHIVE_DAMAGED


def test_a_newer_version_is_told_apart_from_damage(manifest: Manifest) -> None:
    newer = encode_manifest(replace(manifest, version=MANIFEST_VERSION + 1, holdfast="9.0"))
    assert code_of(newer) is ErrorCode.NEWER_MANIFEST
    assert code_of(sealed(b'{\n  "version": 7,\n  "holdfast": "9.0"')) is ErrorCode.NEWER_MANIFEST
    assert code_of(b'{"version": 7, "holdfast": "9.0", "unsealed": 1}') is ErrorCode.NEWER_MANIFEST


def test_unknown_members_of_the_same_version_are_ignored(manifest: Manifest) -> None:
    data = encode_manifest(manifest)
    body = data[: data.rindex(b",\n")] + b',\n  "later": {"a": [1, 2]}'
    assert decode_manifest(sealed(body), PATH) == manifest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"jobs": 2', b'"jobs": "2"'),
        (b'"project": "Shop",\n', b""),
        (b'"started": "2026-03-01T12:30:15.123456Z"', b'"started": "2026-03-01T12:30:15"'),
        (b'"format": "directory",\n  "compression"', b'"format": "folder",\n  "compression"'),
    ],
)
def test_sealed_content_of_the_wrong_type_is_damage(manifest: Manifest, old: bytes, new: bytes) -> None:
    data = encode_manifest(manifest)
    body = data[: data.rindex(b",\n")]
    assert old in body
    assert code_of(sealed(body.replace(old, new))) is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("data", [b'{"name": "web app", "icons": []}', b"[1]", b'"text"'])
def test_somebody_elses_manifest_is_not_a_backup(data: bytes) -> None:
    assert code_of(data) is ErrorCode.NOT_A_BACKUP


def test_no_manifest_is_not_a_backup(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / MANIFEST_NAME).mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "gone", tmp_path / "file", tmp_path / "folder"):
        with pytest.raises(AppError) as caught:
            read_manifest(folder)
        assert caught.value.code is ErrorCode.NOT_A_BACKUP


@given(st.binary() | st.recursive(st.none() | st.integers() | anything, st.lists).map(repr).map(str.encode))
def test_any_bytes_give_an_app_error(data: bytes) -> None:
    code_of(data)
    code_of(sealed(data))


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"version":' * 100_000, b'{\n  "a": "\\ud800"', b"{\xff"])
def test_hostile_bytes_give_an_app_error(data: bytes) -> None:
    code_of(data)
    code_of(sealed(data))


@shared_fixtures
@given(data=st.data())
def test_resealed_changes_never_raise_anything_else(manifest: Manifest, data: st.DataObject) -> None:
    members = json.loads(encode_manifest(manifest))
    del members["seal"]
    key = data.draw(st.sampled_from(sorted(members)))
    members[key] = data.draw(st.none() | st.integers() | st.text() | st.lists(st.integers()))
    body = msgspec.json.encode(members).removesuffix(b"}")
    try:
        decode_manifest(sealed(body), PATH)
    except AppError:
        pass


@pytest.mark.slow  # of an idle machine's clock
def test_fifty_thousand_tables_are_read_quickly(manifest: Manifest) -> None:
    table = manifest.tables[0]
    big = replace(
        manifest,
        tables=tuple(replace(table, name=f"t{number}") for number in range(50_000)),
        files=tuple(FileRecord(f"database/{number}.dat.zst", number, "0" * 64) for number in range(50_000)),
    )
    data = encode_manifest(big)
    started = time.perf_counter()
    assert len(decode_manifest(data, PATH).tables) == 50_000
    assert time.perf_counter() - started < 1.5
