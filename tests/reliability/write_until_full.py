"""Everything that writes, on a file system of its own that is full: python write_until_full.py FOLDER.

Prints a JSON line for each writer: its name, the exit code of a command that runs it, what that command says, and
whether what was there before is as it was.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("GLOG_v", "4")

import mindspore as ms
import numpy as np
import training_stand_in
from tiny_words import drawn, tiny_config, write_lmdb

from src.crnn.alphabet import Alphabet
from src.crnn.build import build_crnn
from src.data.detection.mindrecord_writer import MindRecordWriter
from src.data.detection.record import SCHEMA, pack_annotation
from src.data.recognition.lmdb_writer import LmdbWriter
from src.evaluation.crnn import evaluate_crnn
from src.export.crnn import export_crnn
from src.metrics.submission import write_submission
from src.model_utils.command import run_command
from src.training.checkpoints import CheckpointFolder, Snapshot
from src.training.train_crnn import train_crnn
from src.weights.weights_file import save_weights

SIZE = 3 << 20


def answer(name, work, check=lambda: True):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            run_command(work)
        except SystemExit as end:
            code = end.code
    print(json.dumps({"name": name, "code": code, "said": said.getvalue(), "kept": check()}), flush=True)


def fill(folder, leave):
    """Take all the room but `leave` bytes."""
    (folder / "filler").unlink(missing_ok=True)
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    (folder / "filler").write_bytes(bytes(free - leave))


def words_until_full(folder):
    with LmdbWriter(folder / "words", commit_samples=20) as writer:
        while True:
            writer.add(np.random.default_rng(writer.count).bytes(5000), "x")


def images_until_full(folder):
    row = {
        "image": bytes(50_000),
        "annotation": pack_annotation(np.zeros((0, 4), np.int32), np.zeros(0, bool)),
        "file_name": "a.jpg",
        "image_size": np.array([1, 1], np.int32),
    }
    with MindRecordWriter(folder, "set.mindrecord", SCHEMA, shards=2) as writer:
        while True:
            writer.add(row)


def main(place):
    full = Path(place)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], check=True)
    answer("LMDB", lambda: words_until_full(full))
    with LmdbWriter(full / "words", commit_samples=20) as writer:
        kept = writer.count
        writer.add(b"x", "x")
    print(json.dumps({"name": "LMDB goes on", "code": 0, "said": "", "kept": kept > 100 and kept % 20 == 0}))
    for name in ("data.mdb", "lock.mdb"):
        (full / "words" / name).unlink()
    answer("MindRecord", lambda: images_until_full(full), lambda: not list(full.glob("*mindrecord*")))

    snapshot = Snapshot({"w": np.zeros(100_000, np.float32)}, {}, {"epoch": 1, "step": 1})
    folder = CheckpointFolder(full / "ckpt")
    folder.save(snapshot)
    fill(full, 100_000)
    later = Snapshot({"w": np.ones(100_000, np.float32)}, {}, {"epoch": 2, "step": 1})
    answer("checkpoint", lambda: folder.save(later), lambda: folder.load_newest().progress["epoch"] == 1)
    (full / "submit.zip").write_bytes(b"older")
    fill(full, 0)
    answer(
        "submission",
        lambda: write_submission(full / "submit.zip", {"a": np.ones((99, 4))}),
        lambda: (full / "submit.zip").read_bytes() == b"older",
    )

    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    # Files that are opened, but take nothing.
    (full / "log").mkdir()
    (full / "log" / "loss_0.log").symlink_to("/dev/full")
    answer("log of a training", lambda: training_stand_in.run(full / "log", 1, save_checkpoint_epochs=0) and None)
    source = full.parent / "source"
    for lmdb in ("MJ_LMDB", "IIIT5k_lmdb"):
        write_lmdb(source / lmdb, [(drawn("abc", seed), "abc") for seed in range(4)])
    weights = full.parent / "crnn.ckpt"
    config = tiny_config(lmdb_root=str(source), total_epoch=1, checkpoint_path=str(weights), draw_results=False)
    save_weights(build_crnn(config, Alphabet.load(config.alphabet)), weights)
    answer("training", lambda: train_crnn(config.replace(save_checkpoint_path=str(full / "train")), 0, 1))
    answer("evaluation", lambda: evaluate_crnn(config.replace(eval_output_path=str(full / "eval"))))
    target = config.replace(file_format="ONNX", file_name=str(full / "export" / "crnn"))
    answer("export", lambda: export_crnn(target, weights, "CPU"), lambda: not list((full / "export").iterdir()))


if __name__ == "__main__":
    main(sys.argv[1])
