"""Forged and damaged input to every reader of files: one line about it, or a result, and never anything else.

Each test runs for a moment, always through the same inputs. FUZZ_SECONDS=60 lets each run for a minute.
"""

import contextlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import lmdb
import numpy as np
import pytest
from mutations import refuses_or_reads
from PIL import Image

from src.common.plain_yaml import parse_value, read_documents
from src.crnn.alphabet import Alphabet
from src.data.detection.annotations.label_layouts import ALL_LAYOUTS, detect_layout
from src.data.detection.annotations.label_lines import label_lines, parse_lines
from src.data.detection.annotations.labeled_image import labeled_image
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.annotations.svt_xml import read_svt_xml
from src.data.detection.mindrecord_hashes import verify_hashes, write_hashes
from src.data.images.decode import ImageError, ImageFile, decode_image
from src.data.images.pdf import PdfFile
from src.data.recognition.annotations import Word, read_icdar_words, read_iiit5k, read_mjsynth, read_tsv
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.word_images import SampleError
from src.metrics.submission import parse_ground_truth, parse_results, read_submission
from src.model_utils.archives import unpack_archive
from src.model_utils.rank_table import make_rank_table, read_rank_table
from src.postprocess.output_files import read_outputs
from src.reader.image_names import result_stem
from src.reader.image_source import OpenOptions, open_image
from src.reader.input_files import find_images
from src.training.checkpoints import CheckpointFolder, Snapshot
from src.weights import mindspore_ckpt
from src.weights.card import read_card
from src.weights.formats import decode_weights

PARAMS = {
    "conv.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "norm.gamma": np.ones(3, np.float16),
    "step": np.array(7, np.int32),
}

YAML = """
network: ctpn
seed: 1
weight_decay: 1e-4
ratio: 1/3
run_eval: False
pre_trained: "a b.ckpt"
heights: [2, 4, 7, 11]
nested: {min: 0, max: 1.5}
---
seed: of everything
---
seed: {min: 0}
network: [ctpn, crnn]
"""
YAML_TOKENS = (
    b"!!python/object/apply:os.system ['true']",
    b"&a [*a, *a]",
    b"*a",
    b"<<: ",
    b"? ",
    b"- ",
    b"---\n",
    b"...\n",
    b"2001-99-99",
    b"1/0",
    b"0x",
    b"9" * 30,
    b".inf",
    b"\t",
    b"\x00",
    b"\xff",
    "\u2028".encode(),
    b"|\n",
    b"!!set",
    b"!!binary ",
    b"[",
    b"{",
    b"'",
    b"1e999",
    b"190:20:30",
    b"~",
    b"!!timestamp ",
    b"!!bool ",
    b"!!int ''",
)


def test_configuration(tmp_path):
    path = tmp_path / "config.yaml"

    def read(data):
        path.write_bytes(data)
        read_documents(path)

    refuses_or_reads(read, [YAML.encode(), b"a: 1\n", b"{}"], YAML_TOKENS)


def test_values_on_the_command_line():
    samples = [b"1e-4", b"[a, b]", b"{min: 0, max: 1}", b"1/3", b"2001-01-01", b"'text'"]

    def read(data):
        value = parse_value(data.decode("utf-8", "surrogateescape"))
        if value is None:  # so that there is a refusal to count
            raise SampleError("nothing", "nothing")

    refuses_or_reads(read, samples, [*YAML_TOKENS, b"~"])


LABELS = {
    "corners": b'158 128 411 181 "Footpath"\r\n38, 43, 920, 215, "Tired, ness"\n',
    "size": b"100,200,50,40,text\n-3.5,2e0,30.25,+40,x\n",
    "quad": b"377,117,463,117,465,130,378,130,Genaxis Theatre\n374,155,409,155,409,170,374,170,###\n",
    "mlt": "\ufeff0,0,9,1,8,9,1,8,Latin,text\n0,0,9,1,8,9,1,8,Chinese,工商银行\n".encode(),
}
LABEL_TOKENS = (
    b"nan",
    b"inf",
    b"1e308",
    b"-",
    b"###",
    b'"',
    b",",
    b"\r",
    b"\x00",
    "\u2028".encode(),
    b"9" * 40,
    b"9" * 5000,  # Python makes no integer of so many digits
)


@pytest.mark.parametrize("layout", LABELS)
def test_label_files_of_every_layout(layout):
    def read(data):
        text = data.decode("utf-8-sig", "replace")
        detect_layout(label_lines(text), ALL_LAYOUTS)
        raw, problems = parse_lines(text, layout)
        image = labeled_image("p", "n", raw, problems)
        assert image.boxes.shape == (len(image.texts), 4)
        assert image.boxes.dtype == np.int32
        if image.problems:  # counted, not raised
            raise SampleError("refused lines", "lines")

    refuses_or_reads(read, [LABELS[layout], b""], [*LABELS.values(), *LABEL_TOKENS])


WORD_LABELS = {
    read_tsv: b"a.png\tHello world\textra\nb.png\tfoo\n",
    read_icdar_words: b'word_1.png, "JOINT"\nword_2.png, "a \\"b\\""\n',
    read_iiit5k: b"train/1009_2.png You\ntrain/1009_3.png,Two words\n",
    read_mjsynth: b"./2425/1/115_Lube_45484.jpg 1\n./1_x_2.jpg 0\n",
}


@pytest.mark.parametrize("reader", WORD_LABELS, ids=lambda reader: reader.__name__)
def test_labels_of_words(tmp_path, reader):
    (tmp_path / "lexicon.txt").write_text("x\nlube\n")
    path = tmp_path / "labels.txt"

    def read(data):
        path.write_bytes(data)
        for item in reader(path).iterate():
            if not isinstance(item, Word):  # counted, not raised
                raise SampleError("refused lines", "lines")

    refuses_or_reads(read, [WORD_LABELS[reader]], LABEL_TOKENS)


def test_hashes_of_a_mindrecord(tmp_path):
    files = [tmp_path / "set.mindrecord", tmp_path / "set.mindrecord.db"]
    for file in files:
        file.write_bytes(file.name.encode())
    write_hashes(tmp_path, "set.mindrecord")
    path = tmp_path / "set.mindrecord.hashes.json"

    def read(data):
        path.write_bytes(data)
        verify_hashes(files[0], files)

    refuses_or_reads(read, [path.read_bytes()], JSON_TOKENS)


def test_ground_truth_and_results_of_an_evaluation():
    def read(data):
        text = data.decode("utf-8-sig", "replace")
        truth = parse_ground_truth(text)
        assert len(truth.ignored) == len(truth.boxes)
        assert np.isfinite(truth.boxes).all()

    refuses_or_reads(read, [LABELS["corners"], LABELS["quad"]], LABEL_TOKENS)
    refuses_or_reads(lambda data: parse_results(data.decode("latin-1")), [b"1,2,30,40\n5,6,7,8\n", b""], LABEL_TOKENS)


XML = b"""<?xml version="1.0" encoding="utf-8"?>
<tagset><image><imageName>img/14_03.jpg</imageName><lex>LIVING,ROOM</lex><Resolution x="1280" y="880"/>
<taggedRectangles><taggedRectangle height="75" width="236" x="375" y="253"><tag>LIVING</tag></taggedRectangle>
</taggedRectangles></image></tagset>"""


def test_svt_xml(tmp_path):
    path = tmp_path / "train.xml"

    def read(data):
        path.write_bytes(data)
        read_svt_xml(path)

    tokens = (
        b"<!DOCTYPE a>",
        b"<!ENTITY a 'b'>",
        b"&a;",
        b"&#0;",
        b"<tag>",
        b"encoding='utf-7'",
        b"encoding='x'",
        b"<![CDATA[",
        b"-->",
        b'x="nan"',
        b"\xff\xfe",
    )
    refuses_or_reads(read, [XML], tokens)


def test_coco_json(tmp_path):
    path = tmp_path / "cocotext.json"
    annotation = {"id": 7, "image_id": 1, "bbox": [1.5, 2, 30, 10], "utf8_string": "a", "legibility": "legible"}
    image = {"id": 1, "file_name": "COCO_train2014_000000000001.jpg", "width": 640, "set": "train"}
    own = {"imgs": {"1": image}, "anns": {"7": annotation}}
    outlined = {**annotation, "segmentation": [[1, 2, 30, 2, 30, 9]], "category_id": 1, "attributes": {"text": "a"}}
    standard = {"images": [image], "annotations": [outlined], "categories": [{"id": 1, "name": "text"}]}

    def read(data):
        path.write_bytes(data)
        read_own_folder(tmp_path, path)

    samples = [json.dumps(sample).encode() for sample in (own, standard)]
    refuses_or_reads(read, samples, (b"null", b"[", b"{}", b"1e999", b"NaN", b'"\\ud800"'))


def encoded(image_format, mode="RGB", pages=1, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    stream = io.BytesIO()
    image = Image.fromarray(pixels).convert(mode)
    if pages > 1:
        options |= {"save_all": True, "append_images": [Image.fromarray(pixels[::-1]).convert(mode)] * (pages - 1)}
    image.save(stream, image_format, **options)
    return stream.getvalue()


IMAGES = [
    encoded("JPEG"),
    encoded("JPEG", "CMYK"),
    encoded("JPEG", progressive=True),
    encoded("JPEG")[:-2],
    encoded("PNG", "RGBA"),
    encoded("PNG", "P"),
    encoded("GIF"),
    encoded("BMP"),
    encoded("WEBP"),
    encoded("TIFF"),
    encoded("AVIF"),
    encoded("JPEG2000"),
    encoded("PPM"),
    encoded("TIFF", pages=3),
    encoded("GIF", pages=3),
    encoded("PNG", pages=3),
    encoded("WEBP", pages=3),
]
IMAGE_TOKENS = (
    b"\xff\xd8\xff",
    b"\xff\xda",
    b"\xff\xd9",
    b"\x89PNG",
    b"IHDR",
    b"IDAT",
    b"acTL",
    b"fcTL",
    b"iCCP",
    b"zTXt",
    b"Exif\0\0",
    b"ftypheic",
    b"II*\0",
    b"8BPS",
    b"%PDF-",
)


def test_images():
    """Every page of every format, each of which is pixels or one error of its own."""

    def read(data):
        with ImageFile(data, max_pixels=1_000_000, name="x") as file:
            for page in range(1, min(file.pages, 5) + 1):
                with contextlib.suppress(ImageError):
                    image = file.decode(page).pixels
                    assert image.dtype == np.uint8
                    assert image.ndim == 3
        assert decode_image(data, max_pixels=1_000_000).shape[2] == 3

    refuses_or_reads(read, IMAGES, IMAGE_TOKENS)


def test_pdf_files():
    def read(data):
        with PdfFile(data, max_pixels=100_000, name="x") as file:
            for page in range(1, min(file.pages, 3) + 1):
                with contextlib.suppress(ImageError):
                    assert file.decode(page).pixels.shape[2] == 3

    tokens = (
        b"/Kids[2 0 R]",
        b"/Count 99999999",
        b"/MediaBox[0 0 1e9 1e9]",
        b"/Length 1e99",
        b"endobj",
        b"xref",
        b"R",
    )
    refuses_or_reads(read, [encoded("PDF"), encoded("PDF", pages=3)], tokens)


def test_lists_of_inputs(tmp_path):
    """Names of any bytes: each is an image of its own name, or one error."""
    (tmp_path / "a.png").write_bytes(encoded("PNG"))

    def read(data):
        (tmp_path / "list").write_bytes(data)
        images = find_images([], list_file=str(tmp_path / "list"), stdin=io.BytesIO(b"x")).images
        assert len({result_stem(image.name) for image in images}) == len(images)
        assert all(image.name.isprintable() for image in images)
        for image in images[:5]:
            open_image(image, OpenOptions()).close()

    tokens = (b"\0", b"\n-\n", b"\xff", b"*", b"**/", b"[", b"../", b"/", b"~", b"\r", b"\xef\xbb\xbf", b"%41", b"#2")
    refuses_or_reads(read, [b"a.png\n./a.png\n", b"*.png\n[a].png\n"], tokens)


def test_lmdb_records(tmp_path):
    """Image, label and count as they stand in the database."""
    path = tmp_path / "words"

    def read(data):
        label, _, image = data.partition(b"|")
        with lmdb.open(str(path), sync=False) as environment, environment.begin(write=True) as transaction:
            transaction.put(b"num-samples", b"1")
            transaction.put(b"label-000000001", label)
            transaction.put(b"image-000000001", image)
        words = LmdbWords(path)
        try:
            assert len(list(words.labels())) == 1
            assert words.image_sizes().shape == (1, 2)
            pixels, text = words.sample(0)
            assert (pixels.ndim, text.strip() != "") == (2, True)
        finally:
            words.close()

    refuses_or_reads(read, [b"word|" + image for image in IMAGES[:4]], (b"|", b"cos\nsystem\n", b"\xff"))


def weights_files():
    """One file a format."""
    tensors = {name: array for name, array in PARAMS.items() if array.ndim}
    header, body = {}, b""
    for name, array in tensors.items():
        kind = {"float32": "F32", "float16": "F16"}[array.dtype.name]
        offsets = [len(body), len(body) + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        body += array.tobytes()
    text = json.dumps(header).encode()
    npz = io.BytesIO()
    np.savez(npz, **PARAMS)
    with_checksum = b"".join(mindspore_ckpt.encode(PARAMS))
    return {
        ".ckpt": [with_checksum, with_checksum[: with_checksum.rindex(b"crc_num")]],
        ".safetensors": [len(text).to_bytes(8, "little") + text + body],
        ".npz": [npz.getvalue()],
    }


WEIGHT_TOKENS = (
    b"crc_num",
    b"Float32",
    b"BFloat16",
    b"str",
    b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x12\x00",
    b'"shape": [0, 1000000000000000000000]',
    b'"data_offsets": [0, 48]',
    b'"dtype": "BF16"',
    b"[" * 2000,
    b"PK\3\4",
    b"\x93NUMPY",
    b"(1000000000000,)",
    b"|O",
    b"-1",
)


@pytest.mark.parametrize("kind", [".ckpt", ".safetensors", ".npz"])
def test_weights(kind):
    def read(data):
        for array in decode_weights(data, Path(f"x{kind}")).values():
            assert array.dtype.kind in "fiub"

    refuses_or_reads(read, weights_files()[kind], WEIGHT_TOKENS)


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "before 1.6"])
def test_weights_of_pytorch(tmp_path, as_zip):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array) for name, array in PARAMS.items()}
    torch.save({"state_dict": state}, tmp_path / "a.pth", _use_new_zipfile_serialization=as_zip)
    tokens = (
        b"cos\nsystem\n",
        b"\x8c\x05posix\x8c\x06system\x93",
        b"c__builtin__\neval\n",
        b"FloatStorage",
        b"R.",
        b"Q",
        b"\x80\x02",
        b"PK\1\2",
        b"\x8a\xff",
    )
    refuses_or_reads(lambda data: decode_weights(data, Path("x.pth")), [(tmp_path / "a.pth").read_bytes()], tokens)


def test_training_state(tmp_path):
    folder = CheckpointFolder(tmp_path, log=lambda _: None)
    path = folder.save(Snapshot(PARAMS, PARAMS, {"epoch": 1, "step": 2}))
    state = path.with_suffix(".state")

    def read(data):
        state.write_bytes(data)
        snapshot = folder.load(path)
        assert set(snapshot.weights) == set(PARAMS)

    tokens = (b"PK\1\2", b"PK\5\6", b"meta.json", b".npy", b"weights_sha256", b"progress", b"{", b"\x93NUMPY")
    refuses_or_reads(read, [state.read_bytes()], tokens)


def archives():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/a.txt", "text " * 50)
        archive.writestr("res_img_1.txt", "1,2,30,40\n")
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w:gz") as archive:
        info = tarfile.TarInfo("train/a.txt")
        info.size = 250
        archive.addfile(info, io.BytesIO(b"text " * 50))
    plain = []
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        tape_of_form = io.BytesIO()
        with tarfile.open(fileobj=tape_of_form, mode="w", format=form) as archive:
            info = tarfile.TarInfo("train/" + "name" * 30 + "字.txt")  # in a header of its own
            info.size = 5
            archive.addfile(info, io.BytesIO(b"text "))
        plain.append(tape_of_form.getvalue())
    return made.getvalue(), tape.getvalue(), *plain


def test_archives(tmp_path):
    """Nothing is written beside the folder, whatever the names in the archive have become."""
    path, target = tmp_path / "in" / "a.zip", tmp_path / "deep" / "out"
    path.parent.mkdir()

    def read(data):
        path.write_bytes(data)
        unpack_archive(path, target, max_bytes=1_000_000)

    tokens = (
        b"../",
        b"/etc/x",
        b"77777777777",
        b"\x80" + b"\xff" * 11,
        b"GNU.sparse.map=",
        b"PK\1\2",
        b"PK\3\4",
        b"PK\5\6",
        b"PK\6\7",
        b"\\..\\",
        b"C:",
        b"a" * 300,
        b"\0",
    )
    refuses_or_reads(read, archives(), tokens)
    assert {item.name for item in tmp_path.iterdir()} <= {"in", "deep"}
    assert {item.name for item in (tmp_path / "deep").iterdir()} <= {"out"}
    assert [item.name for item in path.parent.iterdir()] == ["a.zip"]


def test_submissions(tmp_path):
    path = tmp_path / "submit.zip"

    def read(data):
        path.write_bytes(data)
        read_submission(path)

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("res_img_1.txt", "1,2,30,40\n")
    refuses_or_reads(read, [made.getvalue()], (b"res_", b".txt", b"../", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"\xff"))


def test_headers_of_network_outputs(tmp_path):
    """What the C++ application writes."""
    (tmp_path / "a.jpg_0.bin").write_bytes(bytes(24))
    item = {"file": "a.jpg_0.bin", "name": "x", "dtype": "float32", "shape": [2, 3]}
    sample = json.dumps({"image": "a.jpg", "width": 6, "height": 4, "outputs": [item]}).encode()
    path = tmp_path / "a.jpg.json"

    def read(data):
        path.write_bytes(data)
        assert set(read_outputs(path).arrays) != {"y"}

    tokens = (b"../", b"1e999", b"null", b"[0, 99999999999999999999]", b"-1", b"NaN", b"\\u0000")
    refuses_or_reads(read, [sample], tokens)


def test_alphabet_files(tmp_path):
    path = tmp_path / "alphabet.txt"

    def read(data):
        path.write_bytes(data)
        assert Alphabet.from_file(path).characters

    refuses_or_reads(read, [b"0123abc\n", "中\n文\n".encode()], (b"\r\n", b"\xff", b"\xef\xbb\xbf", b"\x00", b"a"))


JSON_TOKENS = (b"null", b"[]", b"-1", b"1e999", b"NaN", b"true", b'""', b'"\\ud800"', b"\xef\xbb\xbf", b"9" * 9)


def test_cards_of_weights(tmp_path):
    path = tmp_path / "ctpn.card.json"
    card = {
        "version": 1,
        "network": "ctpn",
        "image_size": [576, 960],
        "anchor_heights": [2, 4, 7],
        "backbone_width": 0.5,
        "keep_ratio": False,
        "connector": {"line_min_score": 0.9},
    }

    def read(data):
        path.write_bytes(data)
        read_card(tmp_path / "ctpn.ckpt", "ctpn")

    refuses_or_reads(read, [json.dumps(card).encode()], JSON_TOKENS)


def test_rank_tables(tmp_path):
    path = tmp_path / "rank_table.json"
    table = make_rank_table("10.155.170.71", {0: "192.168.100.101", 1: "192.168.101.101"})

    def read(data):
        path.write_bytes(data)
        read_rank_table(path)

    refuses_or_reads(read, [json.dumps(table).encode()], JSON_TOKENS)
