"""Our own reading of an LMDB's pages: equal to LMDB's library, and one error whatever is damaged."""

import contextlib
import os
import random
import struct

import lmdb
import pytest

from src.common.errors import UserError
from src.data.recognition.lmdb_errors import LmdbError, PageError
from src.data.recognition.lmdb_pages import LmdbPages
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_writer import LmdbWriter
from src.data.recognition.word_images import SampleError

VARIANTS = 100 if "FUZZ_SECONDS" not in os.environ else 200 * int(float(os.environ["FUZZ_SECONDS"]))


def words_lmdb(folder, count=80):
    generator = random.Random(1)
    with LmdbWriter(folder, commit_samples=20) as writer:
        for number in range(count):
            image = b"\x89PNG\r\n\x1a\n" + generator.randbytes(generator.choice([30, 900, 5000]))
            writer.add(image, f"word{number}")
    return folder / "data.mdb"


def test_equal_to_lmdb_itself(tmp_path):
    """Keys and values of any length, of which some were deleted or replaced."""
    generator = random.Random(3)
    written = {}
    with lmdb.open(str(tmp_path), map_size=64 << 20) as environment:
        for _ in range(20):
            with environment.begin(write=True) as transaction:
                for _ in range(100):
                    key = generator.randbytes(generator.randint(1, 60))
                    written[key] = generator.randbytes(int(2 ** generator.uniform(0, 15)) - 1)
                    transaction.put(key, written[key])
                for key in generator.sample(sorted(written), 30):
                    transaction.delete(key)
                    del written[key]
    pages = LmdbPages(tmp_path / "data.mdb")
    assert pages.entries == len(written)
    assert list(pages.items(b"")) == sorted(written.items())
    for key, value in written.items():
        assert pages.get(key) == value and pages.get(key, 5) == value[:5]
        assert pages.get(key + b"x") is None
    for prefix in (b"a", b"\xff", b"\0\0"):
        expected = sorted(item for item in written.items() if item[0].startswith(prefix))
        assert list(pages.items(prefix)) == expected
    assert pages.get(b"") is None and pages.get(b"\xff" * 70) is None
    pages.check()


def test_an_empty_one(tmp_path):
    lmdb.open(str(tmp_path)).close()
    pages = LmdbPages(tmp_path / "data.mdb")
    assert (pages.get(b"key"), list(pages.items(b"")), pages.entries) == (None, [], 0)
    pages.check()


def read_all(folder):
    """Whatever can be read; only the project's own errors are passed over."""
    words = LmdbWords(folder)
    found = 0
    for index in range(len(words)):
        try:
            words.read(index)
            found += 1
        except SampleError:
            pass
    assert len(list(words.labels())) == len(words)
    assert words.image_sizes().shape == (len(words), 2)
    return found


def test_damaged_pages_are_errors_and_nothing_else(tmp_path):
    """Changed bytes, many of them where pages keep their numbers, offsets, lengths and flags."""
    file = words_lmdb(tmp_path / "words")
    whole = file.read_bytes()
    generator = random.Random(5)
    heads = [place for place in range(0, len(whole), 4096) if whole[place + 10] in (1, 2, 8)]
    results = {"all": 0, "some": 0, "none": 0}
    for _ in range(VARIANTS):
        damaged = bytearray(whole)
        for _ in range(generator.randint(1, 6)):
            page = generator.choice(heads)
            offset = generator.choice([generator.randrange(24), generator.randrange(200), generator.randrange(4096)])
            damaged[page + offset] = generator.choice([0, 1, 255, generator.randrange(256)])
        file.write_bytes(damaged)
        try:
            found = read_all(tmp_path / "words")
        except UserError:
            results["none"] += 1
        else:
            results["all" if found == 80 else "some"] += 1
        with contextlib.suppress(PageError, LmdbError):
            LmdbPages(file).check()
    assert min(results.values()) > 0, results


def test_a_file_that_is_cut_off_while_it_is_read(tmp_path):
    file = words_lmdb(tmp_path / "words")
    words = LmdbWords(tmp_path / "words")
    os.truncate(file, 20_000)
    reasons = set()
    for index in range(len(words)):
        try:
            words.read(index)
        except SampleError as error:
            reasons.add(error.reason)
    assert reasons == {"damaged page of the LMDB"}


def test_pages_in_circles_and_at_many_places(tmp_path):
    """A branch all of whose children are the branch itself, or one and the same leaf."""
    file = words_lmdb(tmp_path / "words")
    whole = file.read_bytes()
    branches = [place for place in range(8192, len(whole), 4096) if whole[place + 10] == 1]
    leaf = max(place for place in range(8192, len(whole), 4096) if whole[place + 10] == 2) // 4096
    for target in (None, leaf):
        damaged = bytearray(whole)
        for branch in branches:
            count = (int.from_bytes(whole[branch + 12 : branch + 14], "little") - 16) // 2
            for offset in struct.unpack_from(f"<{count}H", whole, branch + 16):
                struct.pack_into("<HHH", damaged, branch + offset, target or branch // 4096, 0, 0)
        file.write_bytes(damaged)
        with pytest.raises(PageError):
            LmdbPages(file).check()
        with pytest.raises(PageError):
            list(LmdbPages(file).items(b""))


@pytest.mark.parametrize("count", [b"400", b"999999999"])
def test_a_count_beyond_what_is_there(tmp_path, count):
    with lmdb.open(str(tmp_path)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"num-samples", count)
    with pytest.raises(LmdbError, match=f"num-samples is {int(count)}, and it holds 1 keys at most"):
        LmdbWords(tmp_path)


def test_an_unfinished_build_with_a_damaged_page_is_not_given_to_lmdb(tmp_path):
    path = tmp_path / "words"
    writer = LmdbWriter(path, job=1, commit_samples=20)
    for number in range(200):
        writer.add(bytes(50), f"word{number}")
    writer.commit()
    writer.close()
    data = bytearray((path / "data.mdb").read_bytes())
    for place in range(8192, len(data), 4096):
        if data[place + 10] == 2:
            data[place + 16 : place + 20] = b"\xff" * 4
    (path / "data.mdb").write_bytes(data)
    with pytest.raises(LmdbError, match="copy it again, or build it again with --force"):
        LmdbWriter(path, job=1)
    with LmdbWriter(path, job=1, overwrite=True) as again:
        again.add(b"image", "word")
    assert LmdbWords(path).read(0) == (b"image", "word")


def test_a_value_that_claims_to_be_huge_takes_no_memory(tmp_path):
    """Its pages are not there."""
    file = words_lmdb(tmp_path / "words", 5)
    data = bytearray(file.read_bytes())
    for place in range(8192, len(data), 4096):
        if data[place + 10] == 2:
            count = (int.from_bytes(data[place + 12 : place + 14], "little") - 16) // 2
            for offset in struct.unpack_from(f"<{count}H", data, place + 16):
                data[place + offset : place + offset + 4] = b"\xff\xff\xff\x0f"
    file.write_bytes(data)
    with pytest.raises(LmdbError, match="damaged"):
        LmdbWords(tmp_path / "words")
