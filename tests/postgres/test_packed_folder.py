"""A packed folder is unpacked where it belongs and within limits, or not at all."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.dump_files import DumpFile, DumpForm, identify, identify_all, script_blocks
from app.postgres.packed_folder import UnpackLimits, unpack_folder
from app.postgres.packing import Layer, Packing

TOC = b"PGDMP\x01\x10\x00\x04\x08\x03\x03" + bytes(99)
NO_LIMITS = UnpackLimits()
SCRIPT = b"--\n-- PostgreSQL database dump\n--\n"
LINK, HARD_LINK, DEVICE, FIFO = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE


def tar_of(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in (("toc.dat", TOC), *members):
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("toc.dat", TOC), *members):
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def refusal(path: Path, form: DumpForm = DumpForm.DIRECTORY, limits: UnpackLimits = NO_LIMITS) -> AppError:
    """The error, after which nothing is left, neither in the target nor beside it."""
    target = path.parent / "target"
    target.mkdir()
    before = sorted(path.parent.rglob("*"))
    packing = (Layer(Packing.ZIP),) if zipfile.is_zipfile(path) else (Layer(Packing.GZIP), Layer(Packing.TAR))
    with pytest.raises(AppError) as failure:
        unpack_folder(DumpFile(path, form, packing), target, limits=limits)
    assert sorted(path.parent.rglob("*")) == before
    return failure.value


BAD_NAMES = [
    "../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:\\evil", "C:evil", "a//b", "./../evil", "..",
    "a\x01b", "toc.dat.", "x ", "con/../y", "a/./b", "\\\\server\\share\\x", "x:stream", "//x",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tar_of(tmp_path / "x", (name, b"evil"))).code is ErrorCode.UNSAFE_PATH
    (tmp_path / "target").rmdir()
    assert refusal(zip_of(tmp_path / "y", (name, b"evil"))).code is ErrorCode.UNSAFE_PATH


@pytest.mark.parametrize("kind", [LINK, HARD_LINK, DEVICE, FIFO])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("3377.dat")
    info.type, info.linkname = kind, "/etc/passwd"
    assert refusal(tar_of(tmp_path / "x", info)).code is ErrorCode.UNSAFE_PATH


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("3377.dat")
    info.external_attr = 0o120777 << 16
    assert refusal(zip_of(tmp_path / "x", (info, b"/etc/passwd"))).code is ErrorCode.UNSAFE_PATH


@pytest.mark.parametrize("name", ["3377.dat", "./3377.dat", "3377.DAT", "3377.dat/x"])
def test_a_name_that_stands_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tar_of(tmp_path / "x", ("3377.dat", b"one"), (name, b"two"))).code in (
        ErrorCode.ARCHIVE_DAMAGED,
        ErrorCode.UNSAFE_PATH,
    )


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    many = zip_of(tmp_path / "many", *((f"{number}.dat", b"") for number in range(50)))
    assert refusal(many, limits=UnpackLimits(entries=50)).code is ErrorCode.DECOMPRESSION_BOMB
    (tmp_path / "target").rmdir()
    large = tar_of(tmp_path / "large", ("1.dat", bytes(50 << 20)))
    assert refusal(large, limits=UnpackLimits(bytes=1 << 20)).code is ErrorCode.DECOMPRESSION_BOMB


def test_a_dense_bomb_is_refused_in_flat_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.postgres.packed_folder._SLACK", 4 << 20)
    path = zip_of(tmp_path / "x", ("1.dat", bytes(64 << 20)))
    tracemalloc.start()
    try:
        error = refusal(path, limits=UnpackLimits(ratio=10))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.code is ErrorCode.DECOMPRESSION_BOMB
    assert peak < 16 << 20


def test_a_disk_that_is_too_small_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.postgres.packed_folder.free_bytes", lambda folder: (256 << 20) + 1000)
    error = refusal(tar_of(tmp_path / "x", ("1.dat", bytes(5000))))
    assert error.code is ErrorCode.DISK_FULL


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "x", ("1.dat", bytes(5 << 20)))
    dump, target = identify(path), tmp_path / "target"
    target.mkdir()
    calls = iter(range(100))

    def check() -> None:
        if next(calls) == 20:
            raise Cancelled

    with pytest.raises(Cancelled):
        unpack_folder(dump, target, check)
    assert not list(target.iterdir())


def overlapping(path: Path) -> Path:
    """Fifield's trick: many entries of the list lead to one and the same compressed bytes."""
    zip_of(path, ("1.dat", bytes(1 << 20)), ("2.dat", bytes(1 << 20)))
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    path.write_bytes(content)
    return path


def test_a_zip_with_files_that_overlap_is_refused(tmp_path: Path) -> None:
    path = overlapping(tmp_path / "x")
    with pytest.raises(AppError) as failure:
        identify(path)
    assert failure.value.code is ErrorCode.DECOMPRESSION_BOMB
    assert refusal(path).code is ErrorCode.DECOMPRESSION_BOMB


@pytest.mark.parametrize("size", [0, 5, 1 << 31])
def test_a_zip_whose_sizes_are_forged_is_damaged(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.sql", SCRIPT * 99)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", size)
    path.write_bytes(content)
    with pytest.raises(AppError) as failure:
        list(script_blocks(identify(path)))
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED


def test_a_few_bytes_of_bzip2_in_a_zip_do_not_take_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive, archive.open("a.sql", "w") as member:
        member.write(SCRIPT)
        for _ in range(64):
            member.write(b"\n" * (1 << 20))
    dump = identify(path)
    tracemalloc.start()
    try:
        assert sum(map(len, script_blocks(dump))) > 64 << 20
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_a_zip_of_ten_thousand_files_is_looked_into_quickly(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toc.dat", TOC)
        for number in range(10_000):
            archive.writestr(f"{number}.dat", b"")
    assert identify(path).form is DumpForm.DIRECTORY
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10_000):
            archive.writestr(f"{number}.sql", SCRIPT)
    with pytest.raises(AppError, match="more than") as failure:
        identify_all([path])
    assert failure.value.code is ErrorCode.UNKNOWN_FORMAT


def test_a_zip64_of_a_stream_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive, archive.open("a.sql", "w", force_zip64=True) as member:
        member.write(SCRIPT)
    path.write_bytes(pipe.getvalue())
    assert b"".join(script_blocks(identify(path))) == SCRIPT


def test_a_list_of_files_of_hundreds_of_megabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    count = (12 << 20) // len(entry)
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, count * len(entry), 4, 0
    )
    path.write_bytes(b"PK\x03\x04" + entry * count + end)
    with pytest.raises(AppError, match="too large") as failure:
        identify(path)
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED


def header(name: bytes, kind: bytes, size: int) -> bytes:
    """A tar header with any size, its checksum right."""
    block = bytearray(
        name.ljust(100, b"\0") + b"0000600\0" * 3 + b"%011o " % size + b"%011o " % 0 + b" " * 8 + kind
    )
    block += bytes(512 - len(block))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g"])
def test_a_name_of_gigabytes_in_a_tar_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(header(b"long", kind, 6 << 30) + bytes(32 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(AppError) as failure:
            identify(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED
    assert peak < 8 << 20


def test_a_tar_bomb_is_refused_and_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.postgres.dump_members._MUCH", 4 << 20)
    monkeypatch.setattr("app.postgres.dump_members._MOST_RATIO", 10)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(header(b"a.sql", b"0", 64 << 20) + bytes(64 << 20), 9))
    with pytest.raises(AppError) as failure:
        identify(path)
    assert failure.value.code is ErrorCode.DECOMPRESSION_BOMB


def test_a_large_folder_in_a_tar_is_told_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.postgres.dump_members._MUCH", 1 << 20)
    path = tmp_path / "x.tgz"
    members = header(b"shop/1.dat", b"0", 2 << 20) + bytes(2 << 20)
    rest = header(b"shop/toc.dat", b"0", len(TOC)) + TOC.ljust(512, b"\0") + bytes(1024)
    path.write_bytes(gzip.compress(members + rest))
    dump = identify(path)
    assert (dump.form, dump.layers[-1]) == (DumpForm.DIRECTORY, Layer(Packing.TAR, "shop/"))
    (tmp_path / "target").mkdir()
    assert {one.name for one in unpack_folder(dump, tmp_path / "target").iterdir()} == {"1.dat", "toc.dat"}


def test_a_folder_without_its_table_of_contents_is_no_dump(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(header(b"shop/1.dat", b"0", 0) + bytes(1024))
    with pytest.raises(AppError) as failure:
        identify(path)
    assert failure.value.code is ErrorCode.UNKNOWN_FORMAT


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 14), st.integers(0, 255)), min_size=1, max_size=6),
    is_zip=st.booleans(),
)
def test_a_changed_archive_never_writes_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], is_zip: bool
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    target = folder / "target"
    target.mkdir()
    if is_zip:
        content = bytearray(zip_of(folder / "x", ("a/b.dat", b"b" * 99), ("c.dat", b"")).read_bytes())
    else:
        content = bytearray(zlib.decompress(tar_of(folder / "x", ("a/b.dat", b"b" * 99)).read_bytes(), 31))
    for place, byte in changes:
        content[place % len(content)] = byte
    (folder / "x").write_bytes(content)
    packing = Packing.ZIP if is_zip else Packing.TAR
    with suppress(AppError):
        unpack_folder(DumpFile(folder / "x", DumpForm.DIRECTORY, (Layer(packing),)), target)
    assert {one.name for one in folder.iterdir()} == {"x", "target"}
    assert not [one for one in folder.rglob("*") if one.is_symlink()]
