"""Archives are checked before the first byte is written."""

import io
import random
import tarfile
import zipfile

import pytest

from src.common.errors import UserError
from src.model_utils.archives import unpack_archive


def zip_with(path, names, mode=None):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            if mode is not None:
                info.external_attr = mode << 16
            archive.writestr(info, "x")


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_members_that_point_outside_refuse_the_whole_archive(tmp_path, name):
    target = tmp_path / "deep" / "target"
    zip_with(tmp_path / "a.zip", ["good.txt", name])
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        (tmp_path / "x").write_text("x")
        archive.add(tmp_path / "x", "good.txt")
        archive.addfile(tarfile.TarInfo(name))
    for archive_name in ("a.zip", "a.tar"):
        with pytest.raises(UserError, match="outside"):
            unpack_archive(tmp_path / archive_name, target)
        assert not target.exists()
    assert not list(tmp_path.rglob("evil*"))


def test_links_are_refused(tmp_path):
    zip_with(tmp_path / "a.zip", ["link"], mode=0o120777)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    for archive_name in ("a.zip", "a.tar"):
        with pytest.raises(UserError, match="link"):
            unpack_archive(tmp_path / archive_name, tmp_path / "target")


def test_size_limit_and_other_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 3_000_000)
    with pytest.raises(UserError, match="limit"):
        unpack_archive(tmp_path / "big.zip", tmp_path / "out", max_bytes=1_000_000)
    (tmp_path / "no.zip").write_text("text")
    with pytest.raises(UserError, match="neither"):
        unpack_archive(tmp_path / "no.zip", tmp_path / "out")


def build(path, size=3000):
    """An archive with a file of bytes that do not compress, and one of zeros."""
    noise = random.Random(0).randbytes(size)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/noise", noise)
            archive.writestr("zeros", bytes(size))
        return
    kind = {".tar": "w", ".tgz": "w:gz", ".tbz": "w:bz2", ".txz": "w:xz"}[path.suffix]
    with tarfile.open(path, kind) as archive:
        for name, content in (("folder/noise", noise), ("zeros", bytes(size))):
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz", ".tbz", ".txz"])
def test_every_kind_is_unpacked_and_damage_is_one_error(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    build(path)
    assert unpack_archive(path, tmp_path / "whole") == 2
    assert (tmp_path / "whole/folder/noise").read_bytes() == random.Random(0).randbytes(3000)
    data = path.read_bytes()
    generator = random.Random(1)
    refused = 0
    for trial in range(60):
        damaged = bytearray(data)
        damaged[generator.randrange(len(data))] ^= generator.randrange(1, 256)
        path.write_bytes(damaged if trial % 2 else data[: generator.randrange(len(data))])
        try:
            unpack_archive(path, tmp_path / f"out {trial}")
        except UserError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused > 10  # a plain tar has no checksum of its content


def test_a_password_is_said(tmp_path):
    build(tmp_path / "a.zip")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # bit 0 of the flags of every member
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 1)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match="password"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")


def test_a_member_without_a_name_is_refused(tmp_path):
    zip_with(tmp_path / "a.zip", ["x.txt"])
    data = (tmp_path / "a.zip").read_bytes().replace(b"x.txt", b"\0.txt")
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    build(tmp_path / "a.zip")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be unpacked: Not a directory"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "file" / "out")
