"""Labels are read and matched before anything is built or run for them."""

import pytest

from src.common.errors import UserError
from src.postprocess.labels import check_labels


def test_labels_with_and_without_the_prefix(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    (images / "sub").mkdir(parents=True)
    labels.mkdir()
    (images / "a.jpg").touch()
    (images / "sub" / "b.png").touch()
    (labels / "a.txt").write_text("1,2,30,40,word\n")
    with pytest.raises(UserError, match=r"label_path: no gt_b.txt for 'sub/b.png'"):
        check_labels("ctpn", images, str(labels))
    (labels / "b.txt").write_text("1,2,30,40,word\n")
    check_labels("ctpn", images, str(labels))
    check_labels("ctpn", images, "")
    (labels / "b.txt").write_text("nonsense\n")
    with pytest.raises(UserError, match="line 1"):
        check_labels("ctpn", images, str(labels))
    (labels / "gt_a.txt").write_text("1,2,30,40,word\n")  # one with the prefix: then it is the rule
    with pytest.raises(UserError, match="gt_b.txt"):
        check_labels("ctpn", images, str(labels))


def test_word_labels(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "gt.txt").write_text('b.png, "word"\n')
    with pytest.raises(UserError, match=r"label_path: no label for 'a.png'"):
        check_labels("crnn", tmp_path, str(tmp_path / "gt.txt"))
    with pytest.raises(UserError, match="no image"):
        check_labels("crnn", tmp_path / "none", str(tmp_path / "gt.txt"))
