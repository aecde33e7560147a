"""What is no dump of PostgreSQL is refused with what it looks like."""

from __future__ import annotations

import gzip
import io
import json
import plistlib
import shutil
import sqlite3
import struct
import tarfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from app.domain.errors import AppError, ErrorCode
from app.postgres.dump_files import identify
from app.system.process import child_environment, run

MYSQL = b"-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: localhost    Database: shop\n"
MARIADB = b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n"
WAL = (
    struct.pack("<HHIQII", 0xD110, 2, 1, 0x1000000, 0, 0)
    + struct.pack("<QII", 7, 16 << 20, 8192)
    + bytes(8152)
)
S3 = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>'
MSSQL = "USE [shop]\r\nGO\r\nSET ANSI_NULLS ON\r\nGO\r\nCREATE TABLE [dbo].[t]([a] [int])\r\n"
ROWS = b"id,name,city\n1,Ann,Bern\n2,Bob,Rome\n3,Cy,Oslo\n"

FOREIGN: dict[str, tuple[bytes, str]] = {
    "mysqldump": (MYSQL + b"CREATE TABLE `t` (`a` int) ENGINE=InnoDB;\n", "MySQL"),
    "mariadb-dump": (MARIADB, "MySQL"),
    "phpMyAdmin": (b"-- phpMyAdmin SQL Dump\n-- version 5.2.1\nSET SQL_MODE = 'x';\n", "MySQL"),
    "MySQL without a header": (
        b"CREATE TABLE `t` (\n  `a` int NOT NULL AUTO_INCREMENT\n) ENGINE=InnoDB;\n",
        "MySQL",
    ),
    "MySQL that speaks of PostgreSQL": (
        MYSQL + b"INSERT INTO `t` VALUES ('\n-- PostgreSQL database dump\n');",
        "MySQL",
    ),
    "SQLite .dump": (
        b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t (a);\nCOMMIT;\n",
        "SQLite",
    ),
    "SQLite without PRAGMA": (b"CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT);\n", "SQLite"),
    "SQL Server": (MSSQL.encode("utf-16"), "SQL Server"),
    "SQL Server .bak": (b"TAPE\0\0\x03\0\x8c\0\x0e\x01" + bytes(500), "SQL Server"),
    "Oracle exp": (b"\x03\x00\x01EXPORT:V11.02.00\nDSYSTEM\n" + bytes(99), "Oracle"),
    "Oracle expdp": (
        b"\x04\x01\x0f\x05" + bytes(99) + b'"SYSTEM"."SYS_EXPORT_SCHEMA_01"' + bytes(99),
        "Oracle",
    ),
    "Oracle script": (b"CREATE TABLE t (a NUMBER(10), b VARCHAR2(20));\n/\n", "Oracle"),
    "mongodump": (b"\x6d\xe2\x99\x81" + bytes(99), "MongoDB"),
    "BSON": (b"\x16\0\0\0\x07_id\0" + bytes(12) + b"\0", "MongoDB"),
    "Redis": (b"REDIS0011\xfa\x09redis-ver", "Redis"),
    "CSV": (ROWS, "CSV"),
    "CSV with semicolons": (ROWS.replace(b",", b";"), "CSV"),
    "CSV in UTF-16": (ROWS.decode().encode("utf-16"), "CSV"),
    "TSV": (ROWS.replace(b",", b"\t"), "TSV"),
    "JSON": (json.dumps([{"id": 1, "name": "x"}]).encode(), "JSON"),
    "JSON lines": (b'{"id": 1}\n{"id": 2}\n', "JSON"),
    "JSON error": (b'{"statusCode":404,"error":"not_found","message":"Object not found"}', "not_found"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "Office"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF", "image"),
    "film": (b"\0\0\0\x20ftypisom\0\0\2\0", "film"),
    "openssl": (b"Salted__\x1f\x2e\x3d\x4c" + bytes(range(200)), "openssl"),
    "age": (b"age-encryption.org/v1\n-> X25519 abc\n", "age"),
    "armoured age": (b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", "age"),
    "armoured GPG": (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n", "GPG"),
    "GPG to a key": (b"\x85\x01\x0c\x03" + bytes(range(200)), "GPG"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(99), "7-Zip"),
    "RAR": (b"Rar!\x1a\x07\x01\0", "RAR"),
    "HTML": (b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", "Sign in"),
    "S3": (S3, "AccessDenied"),
    "empty": (b"", "empty"),
    "zeros": (bytes(5000), "zeros"),
    "WAL": (WAL, "WAL"),
    "psql": (b" id | name \n----+------\n  1 | x\n(1 row)\n", "psql"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS"),
    "iCloud": (plistlib.dumps({"NSURLNameKey": "dump.sql"}, fmt=plistlib.FMT_BINARY), "iCloud"),
    "prose": (b"Select the file that you want, then create a table for the guests.\nSet it well.\n", "text"),
    "LaTeX": (b"\\documentclass{article}\n\\begin{document}\n", "text"),
    "comments alone": (b"-- nothing here\n/* nor here */\n", "comments"),
    "Python": (b"import os\nprint(os.getcwd())\n", "text"),
    "binary": (bytes(range(256)) * 20, "unknown kind"),
    "binary COPY": (b"PGCOPY\n\xff\r\n\0" + bytes(8), "COPY"),
    "toc.dat alone": (b"PGDMP\x01\x10\x00\x04\x08\x03" + bytes(99), "directory archive"),
    "a program": (b"\x7fELF\x02\x01\x01", "program"),
    "gzip of prose": (gzip.compress(b"Hello, dear reader!", mtime=0), "text"),
    "base backup": (b"", "base backup"),
    "Excel": (b"", "Excel"),
    "locked zip": (b"", "password"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "nothing in it"),
}


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def base_backup() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("backup_label", "tablespace_map", "PG_VERSION"):
            archive.addfile(tarfile.TarInfo(name))
    return gzip.compress(file.getvalue())


FOREIGN["base backup"] = (base_backup(), "base backup")
FOREIGN["Excel"] = (zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel")
LOCKED = bytearray(zipped("dump.sql"))
for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
    LOCKED[LOCKED.index(mark) + offset] |= 1
FOREIGN["locked zip"] = (bytes(LOCKED), "password")


def refusal(path: Path) -> AppError:
    with pytest.raises(AppError) as failure:
        identify(path)
    return failure.value


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_it_looks_like_is_said(tmp_path: Path, kind: str) -> None:
    content, word = FOREIGN[kind]
    path = tmp_path / "nightly.sql"
    path.write_bytes(content)
    error = refusal(path)
    assert error.code is ErrorCode.UNKNOWN_FORMAT
    assert error.title == (
        f"{path.name} is encrypted with a password"
        if word == "password"
        else f"{path.name} is not a PostgreSQL dump"
    )
    assert word in error.detail + error.title
    assert error.hint


def test_an_sqlite_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert "SQLite" in refusal(path).detail
    assert "pgloader" in refusal(path).hint


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (["gpg", "--batch", "--homedir", ".", "--passphrase", "x", "-o", "out", "--symmetric", "in"], "GPG"),
        (["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-k", "x", "-in", "in", "-out", "out"], "openssl"),
        (["zip", "-q", "-P", "x", "out.zip", "in"], "password"),
    ],
)
def test_what_real_programs_encrypt_is_told(
    tmp_path: Path, command: list[str], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_bytes(b"-- PostgreSQL database dump\n" * 99)
    monkeypatch.chdir(tmp_path)
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not here")
    assert run([program, *command[1:]], env=child_environment(), timeout=60).status == 0
    path = next(path for path in tmp_path.iterdir() if path.name.startswith("out"))
    assert word in refusal(path).detail + refusal(path).title


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["PG_VERSION", "base"], "data directory"),
        (["base.tar.gz", "pg_wal.tar.gz", "backup_manifest"], "base backup"),
        (["t.bson", "t.metadata.json"], "MongoDB"),
        (["notes.txt"], "no dump"),
        ([], "empty"),
    ],
)
def test_a_folder_that_is_no_dump_is_told(tmp_path: Path, names: list[str], word: str) -> None:
    for name in names:
        (tmp_path / name).write_text("some text")
    assert word in refusal(tmp_path).detail


@pytest.mark.parametrize(
    "piece",
    [
        b"COPY x FROM stdin ", b"COPY \n", b"/*", b"$$", b"$a$", b"'", b'"', b"--", b"SELECT ", b"a.", b"(",
        b" ", b"\t", b"GO\n", b"/\n", b"-- Dumped from database version \n", b"SET client_encoding ", b"\\",
        b"E'\\", b"WITH a AS ", b"GRANT a ", b"SET a ", b"\n", b"-", b"-+", b"<title>", b'{"error": "', b";",
        b"INSERT INTO a ", b"UPDATE a ", b"CREATE OR REPLACE TEMP ", b"/*!", b"1,", b"COPY x (",
    ],
)  # fmt: skip
def test_no_text_makes_looking_slow(tmp_path: Path, piece: bytes) -> None:
    path = tmp_path / "x"
    for start in (b"", b"SELECT ", b"COPY x (", b"-- x\n", b"<html>"):
        path.write_bytes(start + piece * (300_000 // len(piece)))
        begun = time.process_time()
        with suppress(AppError):
            identify(path)
        assert time.process_time() - begun < 2
