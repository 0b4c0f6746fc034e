"""Names of images, their files, and the inputs: whatever the names hold."""

import io
import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_weights import encoded, text_image

from src.common.image_name import file_of, image_name
from src.common.printable import one_line, printable
from src.reader.image_names import ENDINGS, result_path, result_stem, without_page
from src.reader.input_files import InputError, find_images

PNG = encoded(text_image(["x"], (96, 64)))
# Names as file systems hold them: any bytes but "/" and NUL, which Python reads with lone surrogates.
PART = st.one_of(
    st.binary(min_size=1, max_size=40).map(lambda data: os.fsdecode(data.replace(b"/", b"_").replace(b"\0", b"_"))),
    st.sampled_from(["a", "A", "a.png", "a.png#2", "%41", "a%2", "#1", "\n", "~", "\\", "C:", "a\\b", "é"]),
    st.text("a%#~2.\\:_\"' \udce9\x1b", min_size=1, max_size=6).filter(lambda text: "/" not in text),
    st.integers(200, 300).map("x".__mul__),
).filter(lambda part: part not in (".", ".."))
FILE_PATHS = st.lists(PART, min_size=1, max_size=3).map(lambda parts: PurePosixPath(*parts))
ANY_NAME = st.one_of(
    st.text(max_size=20),
    st.text("a/.\\~0f\0\udce9:", max_size=8),
    FILE_PATHS.map(str),
    st.sampled_from(["", "/", "a/", "a//b", "./a", "lines.csv/a", "a.json/b", "a.json", "a.hocr/x", "report.html/b"]),
)


@settings(max_examples=300, deadline=None)
@given(FILE_PATHS)
def test_a_name_says_which_file_it_is(path):
    """It can be shown and written anywhere, and undone: so no two files share one."""
    name = image_name(path)
    assert name.isprintable() and name.encode("utf-8")
    assert os.fsdecode(unquote_to_bytes(name)) == path.as_posix()
    assert without_page(name) == name and without_page(f"{name}#12") == name


@settings(max_examples=500, deadline=None)
@given(st.lists(ANY_NAME, min_size=2, max_size=12, unique=True))
def test_no_two_names_share_a_file_or_need_a_folder_where_one_is(names):
    paths = [result_path(Path("out"), name, ending).as_posix() for name in names for ending in ENDINGS]
    assert len(set(paths)) == len(paths)
    everything = {*paths, "out/lines.csv", "out/report.html"}
    folders = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    assert not folders & everything
    for path in paths:
        parts = PurePosixPath(path).parts
        assert parts[0] == "out" and ".." not in parts
        assert all(part.isprintable() and len(part.encode()) <= 255 for part in parts)


@pytest.mark.parametrize("name", ["a.jpg", "sub/ä b.png", "scan.tif#2", 'it\'s "quoted".png', "日本.jpg", "100%.jpg"])
def test_ordinary_names_stay_as_they_are(name):
    assert image_name(PurePosixPath(name)) == (name if "#" not in name else "scan.tif%232")
    assert result_stem(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.png", "caf%E9.png"),
        (b"a\nb.png", "a%0Ab.png"),
        (b"\x1b[31m.png", "%1B[31m.png"),
        (b"a%41.png", "a%2541.png"),
    ],
)
def test_names_that_cannot_be_shown_are_escaped(name, shown):
    assert image_name(PurePosixPath(os.fsdecode(name))) == shown


@given(st.text(max_size=700))
def test_a_line_is_one_short_printable_line(text):
    line = one_line(text)
    assert line.isprintable() and len(line) <= 300


def test_both_ends_of_a_long_line_stay():
    line = one_line(f"a.png: {'x' * 1000}: truncated\n")
    assert line.startswith("a.png: xxx") and line.endswith("xxx: truncated") and len(line) == 300
    assert printable("caf\udce9\x1b\n") == "caf\\xe9\\x1b\\n"


def write(folder, *names):
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(PNG)


def names(*inputs, **options):
    return [found.name for found in find_images([str(item) for item in inputs], **options).images]


def test_the_file_of_a_name(tmp_path):
    odd = [b"caf\xe9.png", "ä%41.png", "a#1", "sub/b.png"]
    write(tmp_path, *odd)
    for name in odd:
        relative = PurePosixPath(os.fsdecode(name))
        assert file_of(tmp_path, image_name(relative)) == tmp_path / relative
    assert not file_of(tmp_path, "none.png").exists()


def test_a_folder_of_odd_names(tmp_path):
    odd = [b"caf\xe9.png", b"a\nb.png", b"'\"; rm -rf.png", b"-x.png", b"y" * 251 + b".png", b"%41.png"]
    write(tmp_path, *odd)
    found = find_images([str(tmp_path)]).images
    assert len({result_stem(image.name) for image in found}) == len(odd)
    assert all(os.path.isfile(image.source) for image in found)


def test_links(tmp_path):
    folder, other = tmp_path / "in", tmp_path / "other"
    write(folder, "a.png", "sub/b.png")
    write(other, "c.png")
    (folder / "link.png").symlink_to(other / "c.png")
    (folder / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "self.png").symlink_to("self.png")
    (folder / "to_other").symlink_to(other)
    for ring in (folder / "sub" / "up", other / "back"):
        ring.symlink_to(folder)
    assert names(folder) == ["a.png", "link.png", "lost.png", "self.png"]
    everything = ["a.png", "link.png", "lost.png", "self.png", "sub/b.png", "to_other/c.png"]
    assert names(folder, recursive=True) == everything
    assert names(folder / "**" / "*.png", recursive=True) == everything
    assert names(folder / "link.png") == ["link.png"] and names(folder / "**", recursive=True) == everything


def test_a_link_to_the_folder_itself(tmp_path):
    write(tmp_path / "in", "a.png")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert names(tmp_path / "link", recursive=True) == ["a.png"]


def test_deep_folders(tmp_path):
    deep = tmp_path
    for _ in range(200):
        deep = deep / "d"
    os.makedirs(deep)
    write(deep, "a.png")
    (name,) = names(tmp_path, recursive=True)
    assert name.count("/") == 200


def test_what_is_left_out_is_counted(tmp_path):
    write(
        tmp_path, "a.png", "b.PSD", "c.psd", "d.txt", "noend", "e.jfif", "f.avif", "._a.png", ".DS_Store", "sub/g.xcf"
    )
    found = find_images([str(tmp_path)])
    assert [image.name for image in found.images] == ["a.png", "e.jfif", "f.avif"]
    assert found.not_read == {".psd": 2, ".txt": 1, "without ending": 1}
    assert find_images([str(tmp_path)], recursive=True).not_read[".xcf"] == 1
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "pipe.png")
    found = find_images([str(tmp_path)])
    assert found.not_read["special file"] == 2 and len(found.images) == 3


def test_heic_counts_where_it_is_not_installed(tmp_path, monkeypatch):
    write(tmp_path, "a.png", "b.HEIC")
    monkeypatch.setattr("src.reader.input_files.heic_is_read", lambda: False)
    assert find_images([str(tmp_path)]).not_read == {".heic": 1}
    monkeypatch.setattr("src.reader.input_files.heic_is_read", lambda: True)
    assert names(tmp_path) == ["a.png", "b.HEIC"]
    (tmp_path / "a.png").unlink()
    monkeypatch.setattr("src.reader.input_files.heic_is_read", lambda: False)
    with pytest.raises(InputError, match=r"no image \(.*\) in .*; not read: 1 \.heic"):
        find_images([str(tmp_path)])


@pytest.mark.parametrize("place", [".", "..", "out", "/"])
def test_results_are_no_inputs(tmp_path, place):
    """Wherever they are: beside the images, above them, inside."""
    folder = tmp_path / "in"
    write(folder, "a.png", "sub/b.tif", "c.drawn.jpg")
    results_in = (folder / place).resolve()
    stems = [found.name for found in find_images([str(folder)], recursive=True).images]
    for name in [*stems, "sub/b.tif#2"]:
        for ending in ENDINGS:
            if place != "/":
                write(results_in, f"{name}{ending}")
    if place != "/":
        write(results_in, "report.html", "lines.csv")
    found = find_images([str(folder)], recursive=True, results_in=results_in)
    assert [image.name for image in found.images] == ["a.png", "c.drawn.jpg", "sub/b.tif"]
    assert found.not_read == {}
    if place == ".":  # one that is named is read
        named = folder / "a.png.drawn.jpg"
        assert "a.png.drawn.jpg" in names(folder, named, recursive=True, results_in=results_in)


@pytest.mark.parametrize("item", ["", "a\0b", "none.png", "x" * 5000, "\udce9.png", "*.none", "no/*/x", "["])
def test_odd_arguments_are_one_error(tmp_path, monkeypatch, item):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="image_path: ") as caught:
        find_images([item])
    assert len(one_line(str(caught.value))) <= 300


def test_lists(tmp_path, monkeypatch):
    write(tmp_path, "a.png", b"caf\xe9.png")
    lines = [b"\xef\xbb\xbfa.png\r", b"", b"caf\xe9.png", b"missing.png", b"none*.png", b"a\0b.png", b"a.png"]
    (tmp_path / "list").write_bytes(b"\n".join(lines))
    expected = ["a.png", "caf%E9.png", "missing.png", "none*.png", "a%00b.png"]
    assert names(list_file=str(tmp_path / "list")) == expected
    (tmp_path / "list").write_bytes(b"-\n")
    assert names(list_file=str(tmp_path / "list"), stdin=io.BytesIO(PNG)) == ["stdin"]
    for stdin in (None, io.BytesIO(PNG)):
        source = str(tmp_path / "list") if stdin is None else "-"
        message = "closed" if stdin is None else "the list already"
        with pytest.raises(InputError, match=message):
            find_images(["-"], list_file=source, stdin=stdin)
    monkeypatch.chdir(tmp_path)
    assert names(list_file="-", stdin=io.BytesIO(b"a.png\n")) == ["a.png"]
    for wrong in ("none", "a\0b", str(tmp_path)):
        with pytest.raises(InputError, match="list_file: "):
            find_images([], list_file=wrong)


def test_two_slashes_at_the_beginning_of_a_path(tmp_path, monkeypatch):
    """They are one; together with a file of the same name elsewhere, no folder seemed to hold both."""
    write(tmp_path, "a.png")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path.relative_to("/").as_posix()
    (tmp_path / "list").write_text("a.png\n//a.png\n")
    assert names(list_file=str(tmp_path / "list")) == [f"{folder}/a.png", "a.png"]


def test_standard_input_and_a_file_that_is_called_so(tmp_path):
    write(tmp_path, "stdin")
    assert names("-", tmp_path / "stdin", "-", stdin=io.BytesIO(PNG)) == ["stdin", "stdin~"]


def test_hidden_names_and_patterns(tmp_path):
    write(tmp_path, ".h.png", "a.png", ".sub/b.png", "sub/c.png", "sub/[x].png")
    assert names(tmp_path / "*.png") == ["a.png"] and names(tmp_path / ".*.png") == [".h.png"]
    assert names(tmp_path / "**" / "*.png", recursive=True) == ["a.png", "sub/[x].png", "sub/c.png"]
    assert names(tmp_path / "sub" / "[x].png") == ["[x].png"]  # it is there: no pattern
    assert names(tmp_path / "su?" / "[!a].png") == ["sub/c.png"]


def test_every_name_that_is_found_can_be_written(tmp_path):
    write(tmp_path / "in", b"\xff" * 250, b"\n" * 200, "é" * 120, "d" * 250 + "/a.png", "a.png.json/a.png", "a.png")
    for image in find_images([str(tmp_path / "in"), *map(str, (tmp_path / "in").iterdir())], recursive=True).images:
        path = result_path(tmp_path / "out", image.name, ".drawn.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(re.sub(r"\.drawn\.jpg$", ".json", path.name)).write_text("")
        path.write_text("")
