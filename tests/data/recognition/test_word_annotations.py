"""Readers of word data sets and the cutting of words out of photographs."""

import cv2
import numpy as np
import pytest
from PIL import Image

from src.data.recognition.annotations import (
    Reject,
    Word,
    WordSet,
    WordSetError,
    group_hash,
    held_out_threshold,
    read_icdar_words,
    read_iiit5k,
    read_mjsynth,
    read_tsv,
)
from src.data.recognition.crops import crop_word, read_detection_words, read_svt_words, shown_corners
from src.data.recognition.encoding import encode_words


def summary(words: WordSet) -> list:
    items = list(words.iterate())
    assert len(items) == words.count
    return [(item.name, item.text if isinstance(item, Word) else f"!{item.reason}") for item in items]


def test_mjsynth(tmp_path):
    (tmp_path / "lexicon.txt").write_text("aa\nlube\nslinking\n")
    labels = tmp_path / "annotation_train.txt"
    labels.write_text(
        "./2425/1/115_Lube_1.jpg 1\n./3/7/182_slinking_2.jpg 2\n./1/1/1_x_3.jpg 3\nbroken\n\n./a.jpg -1\n"
        f"./1/1/1_y_4.jpg {'9' * 5000}"
    )
    assert summary(read_mjsynth(labels)) == [
        ("2425/1/115_Lube_1.jpg", "Lube"),
        ("3/7/182_slinking_2.jpg", "slinking"),
        ("1/1/1_x_3.jpg", "!number beyond the lexicon"),
        ("broken", "!not a label line"),
        ("./a.jpg -1", "!not a label line"),
        ("1/1/1_y_4.jpg", "!number beyond the lexicon"),
    ]
    word = next(read_mjsynth(labels, tmp_path / "images").iterate())
    assert word.image == tmp_path / "images" / "2425/1/115_Lube_1.jpg"
    (tmp_path / "lexicon.txt").unlink()
    with pytest.raises(WordSetError, match=r"lexicon\.txt"):
        read_mjsynth(labels)


def test_iiit5k_both_forms_and_groups(tmp_path):
    labels = tmp_path / "train.tags"
    labels.write_text("train/1009_2.png You\ntrain/1009_3.png,Two words\nx/7.jpg , 1,000\nnothing\n")
    words = read_iiit5k(labels)
    assert summary(words) == [
        ("train/1009_2.png", "You"),
        ("train/1009_3.png", "Two words"),
        ("x/7.jpg", "1,000"),
        ("nothing", "!not a label line"),
    ]
    assert [item.group for item in words.iterate()] == ["train/1009", "train/1009", "x/7.jpg", "nothing"]


def test_icdar_words_with_mark_quotes_and_line_ends(tmp_path):
    labels = tmp_path / "gt.txt"
    labels.write_bytes(
        b"\xef\xbb\xbf"
        + b'word_1.png, "JOINT"\r\nword_2.png, "\\"SCAN\\""\r\nword_3.png, "a, b"\r\n'
        + 'word_4.png, ""\r\nword_5.png, "###"\r\nword_6.png, "né"\r\nword_7.png, "\xe9"\r\n'.encode("latin-1")
        + b'../../etc/word.png, "out"\r\n/word_8.png, "out"\r\n'
    )
    assert summary(read_icdar_words(labels)) == [
        ("word_1.png", "JOINT"),
        ("word_2.png", '"SCAN"'),
        ("word_3.png", "a, b"),
        ("word_4.png", "!empty label"),
        ("word_5.png", "!marked as not readable"),
        ("word_6.png", "!label not UTF-8"),
        ("word_7.png", "!label not UTF-8"),
        ("../../etc/word.png", "!outside the folder of images"),
        ("/word_8.png", "!outside the folder of images"),
    ]


def test_tsv_and_its_folder(tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.png").write_bytes(b"image")
    (tmp_path / "words.tsv").write_text("a.png\tHello world\tlexicon,ignored\nb.png no tab\nc.png\t\n")
    words = read_tsv(tmp_path / "words.tsv")
    assert summary(words) == [
        ("a.png", "Hello world"),
        ("b.png no tab", "!not a label line"),
        ("c.png", "!empty label"),
    ]
    assert next(words.iterate()).image == tmp_path / "words" / "a.png"


def test_tsv_beside_a_folder_of_its_name_both_ways(tmp_path):
    (tmp_path / "words").mkdir()
    for name in ("words/1.png", "words/2.png", "3.png"):
        (tmp_path / name).write_bytes(b"image")
    (tmp_path / "words.tsv").write_text("words/1.png\ta\n2.png\tb\n3.png\tc\nwords\\1.png\td\nnone.png\te\n")
    places = [item.image.relative_to(tmp_path).as_posix() for item in read_tsv(tmp_path / "words.tsv").iterate()]
    assert places == ["words/1.png", "words/2.png", "3.png", "words/1.png", "none.png"]
    (tmp_path / "words.tsv").write_text("2.png\tb\n")
    (item,) = read_tsv(tmp_path / "words.tsv", tmp_path).iterate()
    assert item.image == tmp_path / "2.png"  # --image_path is the only place then


def test_paths_that_leave_the_list_are_taken_inside_image_path_only(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "1.png").write_bytes(b"image")
    labels = tmp_path / "lists" / "all.tsv"
    labels.write_text(f"{tmp_path}/words/1.png\ta\n../words/1.png\tb\n")
    refused = list(read_tsv(labels).iterate())
    assert [item.reason for item in refused] == ["outside the folder of images"] * 2
    assert refused[1].detail.startswith("row 2 '../words/1.png' leads out of") and "--image_path" in refused[1].detail
    for folder in (tmp_path, tmp_path / "words"):
        places = [item.image for item in read_tsv(labels, folder).iterate() if isinstance(item, Word)]
        assert places == [(tmp_path / "words" / "1.png").resolve()] * 2  # ".." as seen from the list
    (tmp_path / "other").mkdir()
    assert all(isinstance(item, Reject) for item in read_tsv(labels, tmp_path / "other").iterate())


def test_a_reject_shows_its_row_and_what_is_expected(tmp_path):
    labels = tmp_path / "all.tsv"
    labels.write_text("\nwords/1.png,comma\nnone.png\ttext\n")
    comma, missing = read_tsv(labels).iterate()
    assert comma.detail == "row 2 'words/1.png,comma', expected image<TAB>text"
    (encoded,) = encode_words([missing])
    assert encoded.detail == f"'none.png' at '{tmp_path / 'none.png'}'"


def test_groups_are_held_out_whole():
    words = [Word(None, "x", f"{photo}_{number}", f"photo{photo}") for photo in range(40) for number in range(5)]
    threshold = held_out_threshold(WordSet(len(words), lambda: iter(words)), 32)
    held = [word.group for word in words if group_hash(word.group) <= threshold]
    assert len(held) == 35 and all(held.count(group) == 5 for group in held)
    same = held_out_threshold(WordSet(len(words), lambda: iter(words[::-1])), 32)
    assert same == threshold
    assert group_hash("photo1") == 0xA5AB2F7528DB832C  # the same on every machine
    with pytest.raises(WordSetError, match="hold out"):
        held_out_threshold(WordSet(len(words), lambda: iter(words)), len(words))
    with pytest.raises(WordSetError, match="all groups"):
        held_out_threshold(WordSet(5, lambda: iter(words[:5])), 3)


def photograph(path, height=60, width=90):
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)
    cv2.imwrite(str(path), pixels)
    return pixels[:, :, ::-1]  # RGB


def test_svt_words_are_the_rectangles(tmp_path):
    (tmp_path / "img").mkdir()
    pixels = photograph(tmp_path / "img" / "1.png")
    (tmp_path / "train.xml").write_text(
        "<tagset><image><imageName>img/1.png</imageName><taggedRectangles>"
        '<taggedRectangle x="10" y="5" width="30" height="12"><tag>CAFE</tag></taggedRectangle>'
        '<taggedRectangle x="200" y="5" width="30" height="12"><tag>AWAY</tag></taggedRectangle>'
        "</taggedRectangles></image></tagset>"
    )
    words = read_svt_words(tmp_path / "train.xml")
    (data, text), outside = encode_words(list(words.iterate()))
    assert text == "CAFE" and isinstance(outside, Reject) and outside.reason == "box without area"
    crop = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(crop, pixels[5:17, 10:40])


def test_detection_boxes_and_quads(tmp_path):
    for folder in ("images", "boxes", "quads"):
        (tmp_path / folder).mkdir()
    pixels = photograph(tmp_path / "images" / "img_1.png")
    (tmp_path / "boxes" / "gt_img_1.txt").write_bytes(
        '\ufeff10, 20, 39, 31, "Hi, you"\r\n1, 1, 5, 9, "###"\r\nnonsense\r\n'.encode()
    )
    boxes = read_detection_words(tmp_path / "boxes", tmp_path / "images")
    assert [text for _, text in summary(boxes)] == ["Hi, you", "!marked as not readable", "!not a label line"]
    data, _ = encode_words(list(boxes.iterate()))[0]
    crop = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(crop, pixels[20:32, 10:40])
    (tmp_path / "quads" / "gt_img_1.txt").write_text("10,10,40,20,38,30,8,20,Tilted\n5,5,9,5,9,9,5,9,###\n1,2,3\n")
    quads = read_detection_words(tmp_path / "quads", tmp_path / "images")
    assert [text for _, text in summary(quads)] == ["Tilted", "!marked as not readable", "!not a label line"]
    corners = next(quads.iterate()).corners
    assert corners.tolist() == [[10, 10], [40, 20], [38, 30], [8, 20]]
    with pytest.raises(WordSetError, match="image_path"):
        read_detection_words(tmp_path / "quads")


def test_tilted_word_is_rectified():
    upright = np.full((20, 80, 3), 255, np.uint8)
    upright[:, :20], upright[:10, 60:] = (200, 0, 0), (0, 0, 200)
    corners = np.array([[30, 20], [99, 60], [89, 77.3], [20, 37.3]], np.float32)
    source = np.array([[0, 0], [80, 0], [80, 20], [0, 20]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    scene = cv2.warpPerspective(upright, matrix, (120, 100), flags=cv2.INTER_CUBIC)
    crop = crop_word(scene, corners)
    assert abs(crop.shape[0] - 20) <= 1 and abs(crop.shape[1] - 80) <= 1
    expected = cv2.resize(upright, crop.shape[1::-1]).astype(int)
    assert np.abs(crop.astype(int) - expected)[3:-3, 3:-3].mean() < 12
    assert crop_word(scene, corners + 500) is None
    assert crop_word(scene, np.full((4, 2), np.nan, np.float32)) is None
    assert crop_word(scene, np.zeros((4, 2), np.float32)) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_corners_turn_with_the_image(tmp_path, orientation):
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[10:15, 20:40] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "x.png", exif=exif)
    corners = np.array([[20, 10], [40, 10], [40, 15], [20, 15]], np.float32)
    word = Word(tmp_path / "x.png", "text", "x", "x", corners, stored_frame=True)
    ((data, _),) = encode_words([word])
    crop = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert crop.min() == 255 and crop.shape == ((5, 20) if orientation < 5 else (20, 5))
    turned = shown_corners(corners, orientation, *((40, 60) if orientation < 5 else (60, 40)))
    across, down = turned[1] - turned[0], turned[3] - turned[0]
    assert across[0] > 0 and across[1] == 0 and down[0] == 0 and down[1] > 0  # still clockwise from top left


def test_images_keep_their_bytes_unless_a_simple_reader_would_see_another(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "plain.jpg")
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.fromarray(pixels).convert("RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(pixels).save(tmp_path / "animated.gif")
    Image.fromarray(pixels[:, :, 0].astype(np.uint16) << 8).save(tmp_path / "deep.png")
    Image.fromarray(pixels[:1, :1]).save(tmp_path / "dot.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "plain.jpg").read_bytes()[:700])
    names = sorted(path.name for path in tmp_path.iterdir())
    results = encode_words([Word(tmp_path / name, "w", name, name) for name in [*names, "absent.png"]])
    found = dict(zip([*names, "absent.png"], results, strict=True))
    reasons = {name: item.reason for name, item in found.items() if isinstance(item, Reject)}
    assert reasons == {
        "empty.png": "empty file",
        "text.jpg": "not an image",
        "cut.jpg": "truncated",
        "absent.png": "missing",
    }
    kept = {name for name, item in found.items() if name not in reasons and item[0] == (tmp_path / name).read_bytes()}
    assert kept == {"plain.jpg", "dot.png"}
    shapes = {
        name: cv2.imdecode(
            np.frombuffer(item[0], np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        ).shape
        for name, item in found.items()
        if name not in reasons
    }
    assert (
        shapes["turned.jpg"] == (40, 20, 3) and shapes["alpha.png"] == (20, 40, 3) and shapes["dot.png"][:2] == (1, 1)
    )
