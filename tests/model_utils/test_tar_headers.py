"""Headers of tar archives are counted before they are read."""

import gzip
import io
import tarfile
import time
import tracemalloc
import zipfile

import pytest

from src.common.errors import UserError
from src.model_utils.archives import unpack_archive

DESCRIPTIONS = {
    "pax": tarfile.XHDTYPE,
    "global": tarfile.XGLTYPE,
    "solaris": tarfile.SOLARIS_XHDTYPE,
    "long name": tarfile.GNUTYPE_LONGNAME,
    "long link": tarfile.GNUTYPE_LONGLINK,
}


def header(kind, size, **fields):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    data = bytearray(info.tobuf(format=tarfile.GNU_FORMAT))
    for place, value in fields.get("changed", {}).items():
        data[place : place + len(value)] = value
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + sum(data[156:512]) + 256)
    return bytes(data)


def refused(path, match):
    tracemalloc.start()
    with pytest.raises(UserError, match=match) as caught:
        unpack_archive(path, path.parent / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20 and "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert not (path.parent / "out").exists()


@pytest.mark.parametrize("kind", DESCRIPTIONS)
@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_claims_gigabytes(tmp_path, kind, first):
    with gzip.open(tmp_path / "a.tgz", "wb", 1) as file:
        file.write(b"" if first else header(tarfile.REGTYPE, 0))
        file.write(header(DESCRIPTIONS[kind], 3 << 30) + bytes(16 << 20))
    refused(tmp_path / "a.tgz", "a header of 3221225472 bytes; at most 65536 are accepted")


def test_sizes_below_zero(tmp_path):
    for kind in (tarfile.REGTYPE, *DESCRIPTIONS.values()):
        (tmp_path / "a.tar").write_bytes(header(kind, 0, changed={124: b"\xff" * 12}) + bytes(1 << 20))
        refused(tmp_path / "a.tar", "-1 bytes")


def pax(record):
    return header(tarfile.XHDTYPE, len(record)) + record + bytes(-len(record) % 512)


def test_sizes_below_zero_in_a_header_of_its_own(tmp_path):
    """With this one, the member that follows this one is this one."""
    (tmp_path / "a.tar").write_bytes(pax(b"14 size=-1536\n") + header(tarfile.REGTYPE, 0) + bytes(1 << 20))
    refused(tmp_path / "a.tar", "the member 'x' has -1536 bytes")


@pytest.mark.parametrize("end", [b"", b" hdrcharset"])
def test_rows_of_digits(tmp_path, end):
    """Python would try all pairs of them."""
    (tmp_path / "a.tar").write_bytes(pax(b"1" * 60_000 + end) + header(tarfile.REGTYPE, 0) + bytes(1024))
    begun = time.process_time()
    refused(tmp_path / "a.tar", "a row of a hundred digits")
    assert time.process_time() - begun < 1


def test_members_without_a_name(tmp_path):
    """The folder itself would become a file."""
    (tmp_path / "a.tar").write_bytes(header(tarfile.REGTYPE, 0, changed={0: b"\0"}) + bytes(1024))
    refused(tmp_path / "a.tar", "without a name")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(".", "x")
    refused(tmp_path / "a.zip", "without a name")


def test_descriptions_of_members_are_understood(tmp_path):
    name = "folder/" + "字" * 60 + ".txt"
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for number in range(2):
            info = tarfile.TarInfo(f"{number}{name}")
            info.pax_headers, info.size = {"comment": "2024" * 9}, 4
            archive.addfile(info, io.BytesIO(b"text"))
    assert unpack_archive(tmp_path / "a.tgz", tmp_path / "out") == 2
    assert (tmp_path / "out" / f"1{name}").read_text() == "text"


def test_maps_of_sparse_files(tmp_path):
    sparse = header(tarfile.GNUTYPE_SPARSE, 0, changed={482: b"\1"})
    (tmp_path / "a.tar").write_bytes(sparse + (bytes(504) + b"\1" + bytes(7)) * 1000)
    refused(tmp_path / "a.tar", "sparse")
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("x")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1"}
        content = b"999999999\n" + b"0\n" * 100_000
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    refused(tmp_path / "a.tar", "sparse")


def test_headers_for_all_members_are_counted_together(tmp_path):
    with gzip.open(tmp_path / "a.tgz", "wb", 1) as file:
        for number in range(200):
            record = b"k%d=%s\n" % (number, b"v" * 60_000)
            record = b"%d " % (len(record) + 6) + record
            file.write(header(tarfile.XGLTYPE, len(record)) + record + bytes(-len(record) % 512))
        file.write(header(tarfile.REGTYPE, 0) + bytes(1024))
    refused(tmp_path / "a.tgz", "for all members; at most 1048576")


def test_members_that_are_too_large_are_known_before_they_are_unpacked(tmp_path):
    (tmp_path / "a.tar").write_bytes(header(tarfile.REGTYPE, 300 << 30) + bytes(1024))
    refused(tmp_path / "a.tar", "limit of 214748364800 bytes")


def test_long_names_are_read(tmp_path):
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        name = "/".join(["folder" * 10] * 10)
        with tarfile.open(tmp_path / f"{form}.tar", "w", format=form) as archive:
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
        assert unpack_archive(tmp_path / f"{form}.tar", tmp_path / str(form)) == 1
        assert (tmp_path / str(form) / name).read_bytes() == b"abc"
