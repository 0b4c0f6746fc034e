"""Files that are too large are refused by their size, whoever reads them."""

import os
import threading
import time

import pytest

from src.common.bounded_file import SMALL, open_bounded_text, read_bounded, read_bounded_text
from src.common.errors import UserError
from src.common.plain_yaml import read_documents
from src.crnn.alphabet import Alphabet
from src.crnn.known_words import load_words
from src.data.detection.annotations.coco_text import load_coco_json
from src.data.detection.annotations.label_files import read_label_text
from src.data.detection.annotations.svt_xml import parse_xml
from src.data.loading.name_lists import read_names
from src.data.recognition.annotations import read_tsv
from src.data.synthesis.lexicon import read_lexicon
from src.evaluation.lexicon_files import read_lexicons
from src.metrics.submission import read_ground_truth
from src.model_utils.rank_table import read_rank_table
from src.postprocess.output_files import read_outputs, read_undescribed
from src.reader.input_files import find_images
from src.training.checkpoints import CheckpointFolder
from src.weights.card import load_card
from src.weights.formats import FORMATS, read_weights

SPARSE = 60 << 30


@pytest.fixture
def sparse(tmp_path):
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, SPARSE)
    return path


READERS = {
    "configuration": read_documents,
    "card": load_card,
    "rank table": read_rank_table,
    "alphabet": Alphabet.load,
    "known words": lambda path: load_words(str(path)),
    "list of names": read_names,
    "list of inputs": lambda path: find_images([], list_file=str(path)),
    "lexicon of synthesis": read_lexicon,
    "lexicon of evaluation": lambda path: read_lexicons(path, list),
    "labels": read_label_text,
    "COCO": load_coco_json,
    "XML": parse_xml,
    "words": read_tsv,
    "outputs": read_outputs,
}


@pytest.mark.parametrize("kind", READERS)
def test_sparse_files_are_refused_by_their_size(sparse, kind):
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        READERS[kind](sparse)
    assert "sparse" in str(caught.value) and "too large" in str(caught.value) and "\n" not in str(caught.value)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("suffix", FORMATS)
def test_sparse_weights(sparse, suffix):
    path = sparse.rename(sparse.with_suffix(suffix))
    with pytest.raises(UserError, match="sparse.*too large"):
        read_weights(path)


def test_sparse_states_labels_and_outputs(tmp_path):
    for name in ("ctpn-1_1.ckpt", "ctpn-1_1.state", "gt_a.txt", "a_0.bin", "a_1.bin"):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, SPARSE)
    with pytest.raises(UserError, match="too large"):
        CheckpointFolder(tmp_path).load(tmp_path / "ctpn-1_1.ckpt")
    with pytest.raises(UserError, match="too large"):
        read_ground_truth(tmp_path)
    with pytest.raises(UserError, match="too large"):
        read_undescribed(tmp_path, "a.jpg")


def test_pipes_and_devices_are_read_up_to_the_limit(tmp_path):
    with pytest.raises(OSError, match="more than 1000 bytes"):
        read_bounded("/dev/zero", 1000)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"a\r\nb\rc"))
    writer.start()
    assert read_bounded_text(tmp_path / "pipe", SMALL) == "a\nb\nc"
    writer.join()


def test_what_fits_is_read_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf12345")
    assert read_bounded(tmp_path / "a", 8) == b"\xef\xbb\xbf12345"
    assert read_bounded_text(tmp_path / "a", 8) == "12345"
    with open_bounded_text(tmp_path / "a", 8) as file:
        assert file.read() == "12345"
    for read in (read_bounded, read_bounded_text, open_bounded_text):
        with pytest.raises(OSError, match="too large"):
            read(tmp_path / "a", 7)
