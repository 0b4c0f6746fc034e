import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from src.common import atomic_file
from src.common.errors import UserError
from src.training.checkpoints import CheckpointFolder, Snapshot
from src.weights.card import card_path
from src.weights.weights_file import read_weights

ROOT = Path(__file__).resolve().parents[2]


def snapshot(epoch, step=5, value=None):
    value = epoch if value is None else value
    return Snapshot(
        weights={"w": np.full((3, 4), value, np.float32), "b": np.array(value, np.float32)},
        optimizer={"moments.w": np.full((3, 4), -value, np.float32), "global_step": np.array([step], np.int32)},
        progress={"epoch": epoch, "step": step, "text": "名", "rate": 0.1},
    )


def same(a, b):
    assert a.progress == b.progress
    for part in ("weights", "optimizer"):
        left, right = getattr(a, part), getattr(b, part)
        assert list(left) == list(right)
        for name in left:
            assert left[name].dtype == right[name].dtype
            np.testing.assert_array_equal(left[name], right[name])
            assert left[name].shape == right[name].shape


def test_round_trip_and_names(tmp_path):
    folder = CheckpointFolder(tmp_path, prefix="crnn")
    path = folder.save(snapshot(2, 7))
    assert path.name == "crnn-2_7.ckpt"
    same(folder.load_newest(), snapshot(2, 7))


def test_the_ckpt_holds_the_weights_and_nothing_else(tmp_path):
    path = CheckpointFolder(tmp_path).save(snapshot(1))
    assert set(read_weights(path)) == {"w", "b"}


def test_newest_is_by_number_not_by_name_or_time(tmp_path):
    folder = CheckpointFolder(tmp_path, keep_max=0)
    for epoch, step in ((10, 5), (9, 5), (10, 40), (2, 300)):
        folder.save(snapshot(epoch, step))
    assert [path.name for path in folder.existing()] == [
        "ctpn-2_300.ckpt",
        "ctpn-9_5.ckpt",
        "ctpn-10_5.ckpt",
        "ctpn-10_40.ckpt",
    ]
    assert folder.load_newest().progress["step"] == 40


def test_count_is_kept_and_other_files_stay(tmp_path):
    (tmp_path / "best_acc.ckpt").write_bytes(b"x")
    (tmp_path / "ctpn-mine.ckpt").write_bytes(b"x")
    folder = CheckpointFolder(tmp_path, keep_max=2)
    for epoch in range(1, 6):
        folder.save(snapshot(epoch))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best_acc.ckpt",
        "ctpn-4_5.ckpt",
        "ctpn-4_5.state",
        "ctpn-5_5.ckpt",
        "ctpn-5_5.state",
        "ctpn-mine.ckpt",
    ]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))


def empty(path):
    path.write_bytes(b"")


def swap(path):
    """A sound file of another moment: the pair does not belong together."""
    path.write_bytes((path.parent / f"ctpn-1_5{path.suffix}").read_bytes())


@pytest.mark.parametrize("damage", [truncate, flip, empty, Path.unlink, swap])
@pytest.mark.parametrize("suffix", [".ckpt", ".state"])
def test_damage_falls_back_to_the_pair_before(tmp_path, damage, suffix):
    said = []
    folder = CheckpointFolder(tmp_path, log=said.append)
    folder.save(snapshot(1))
    folder.save(snapshot(2))
    damage(tmp_path / f"ctpn-2_5{suffix}")
    same(folder.load_newest(), snapshot(1))
    if suffix == ".ckpt" and damage is Path.unlink:
        assert said == []  # as after a kill between the two files: there is no second checkpoint
    else:
        assert len(said) == 1
        assert "ctpn-2_5" in said[0]
        assert "\n" not in said[0]


def test_every_flipped_byte_of_a_state_is_noticed(tmp_path):
    folder = CheckpointFolder(tmp_path, log=lambda _: None)
    path = folder.save(snapshot(1)).with_suffix(".state")
    data = path.read_bytes()
    unnoticed = []
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])
        try:
            same(folder.load_newest(), snapshot(1))  # bytes of the zip that mean nothing, such as times
        except UserError:
            continue
        except AssertionError:
            unnoticed.append(position)
    assert unnoticed == []


def test_leftovers_of_a_killed_process_are_cleared(tmp_path):
    (tmp_path / ".ctpn-1_5.ckpt.123.tmp").write_bytes(b"half")
    CheckpointFolder(tmp_path).save(snapshot(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ctpn-1_5.ckpt", "ctpn-1_5.state"]


def test_all_damaged_is_an_error_and_none_is_none(tmp_path):
    folder = CheckpointFolder(tmp_path, log=lambda _: None)
    assert folder.load_newest() is None
    empty(folder.save(snapshot(1)))
    with pytest.raises(UserError, match="none of the 1 checkpoints"):
        folder.load_newest()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_error_is_one_line_and_the_old_pair_stays(tmp_path, monkeypatch, call):
    folder = CheckpointFolder(tmp_path)
    folder.save(snapshot(1))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_file.os, call, full)
    with pytest.raises(UserError, match=r"cannot write .*ctpn-2_5\.state: No space left"):
        folder.save(snapshot(2))
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ctpn-1_5.ckpt", "ctpn-1_5.state"]
    same(folder.load_newest(), snapshot(1))


SAVER = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from src.training.checkpoints import CheckpointFolder, Snapshot
folder = CheckpointFolder(sys.argv[2], keep_max=2)
for epoch in range(1, 100000):
    value = np.full(300_000, epoch, np.float32)
    folder.save(Snapshot({"w": value}, {"m": -value}, {"epoch": epoch, "step": 1}))
    print(epoch, flush=True)
"""


def test_sigkill_at_any_instant_leaves_a_loadable_pair(tmp_path):
    rng = np.random.default_rng(0)
    reached = 0
    for trial in range(6):
        output = tmp_path / str(trial)
        with subprocess.Popen(
            [sys.executable, "-c", SAVER, str(ROOT), str(output)], stdout=subprocess.PIPE, text=True
        ) as process:
            for _ in range(2):  # on a slow machine, too, there is an older pair
                first = int(process.stdout.readline())
            time.sleep(rng.uniform(0, 0.15))
            os.kill(process.pid, signal.SIGKILL)
            last = int([first, *process.stdout.read().split()][-1])
        said = []
        loaded = CheckpointFolder(output, log=said.append).load_newest()
        epoch = loaded.progress["epoch"]
        assert said == []
        assert epoch >= last  # what was reported as saved is there
        assert (loaded.weights["w"] == epoch).all()
        assert (loaded.optimizer["m"] == -epoch).all()
        reached = max(reached, epoch)
    assert reached > 1


def test_best(tmp_path):
    folder = CheckpointFolder(tmp_path)
    path = folder.folder / "best_acc.ckpt"
    card_path(path).write_text('{"version": 1, "network": "ctpn", "sha256": "of the file before"}', encoding="utf-8")
    assert folder.save_best(snapshot(3).weights, {"epoch": 3, "hmean": 0.5}) == path
    assert not card_path(path).exists()
    card_path(path).write_text('{"version": 1, "network": "ctpn"}', encoding="utf-8")
    folder.save_best(snapshot(3).weights, {"epoch": 3, "hmean": 0.5})
    assert card_path(path).exists()  # of whatever file is there
    assert path.name == "best_acc.ckpt"
    np.testing.assert_array_equal(read_weights(path)["w"], snapshot(3).weights["w"])
    assert '"hmean": 0.5' in (tmp_path / "best_acc.json").read_text()
    assert folder.existing() == []
