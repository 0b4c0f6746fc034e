"""One of several processes that train and evaluate both networks at a tiny size: rank_program.py FOLDER

Each process prints one line of JSON. `FOLDER` has what `make_data` writes.
"""

import json
import os
import signal
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import tiny_words
from tiny_detection import make_entries, tiny_config, write_set

IMAGES, TEST_IMAGES = 10, 5
WORDS = [
    "cat",
    "dog",
    "7up",
    "owl",
    "fox",
    "ox",
    "ape",
    "b52",
    "yes",
    "sun",
    "ant",
    "bee",
    "elk",
    "gnu",
    "hen",
    "jay",
]
TEST_WORDS = ("cat", "owl", "fox", "b52", "sun", "elk", "hen")
PER_STEP = 4  # of all ranks together
EPOCHS = 6  # of the detector


def make_data(folder):
    """Training and test sets of both networks; one of the test images is damaged."""
    train = {f"img_{number}.png": (60 + 3 * number, 120 - 4 * number) for number in range(IMAGES)}
    write_set(folder, make_entries(train), "ctpn_pretrain.mindrecord")
    entries = make_entries({f"t_{number}.png": (64, 96) for number in range(TEST_IMAGES)})
    entries["t_1.png"] = (entries["t_1.png"][0][:40], *entries["t_1.png"][1:])
    write_set(folder, entries)
    for name, words in (("MJ_LMDB", WORDS), ("IIIT5k_lmdb", TEST_WORDS)):
        samples = [(tiny_words.drawn(word, seed), word) for seed, word in enumerate(words)]
        tiny_words.write_lmdb(folder / name, samples)


def detector_values(folder, rank_size):
    """Configuration of a training of the detector, the same for any number of ranks.

    Batch norm keeps its statistics: those of a batch would be those of the rank's part of it. Every image gives
    the same number of anchors, as it does at the usual size: the mean over ranks is then that over anchors.
    """
    return {
        "pretraining_dataset_file": str(folder / "ctpn_pretrain.mindrecord"),
        "eval_dataset_path": str(folder / "ctpn_test.mindrecord"),
        "dataset_path": str(folder / "ctpn_test.mindrecord"),
        "bn_statistics": "frozen",
        "num_expected_pos": 16,
        "num_expected_neg": 32,
        "batch_size": PER_STEP // rank_size,
        "test_batch_size": 1,
        "pre_total_epoch": EPOCHS,
        "run_eval": True,
        "eval_start_epoch": 1,
        "eval_interval": 1,
        "max_bad_ratio": 0.25,
        "save_checkpoint_epochs": 1,
        "save_checkpoint_minutes": 0.0,
        "keep_checkpoint_max": 20,
    }


def detector_config(folder, output, rank_size, **changes):
    values = {**detector_values(folder, rank_size), "save_checkpoint_path": str(output)}
    return tiny_config(**{**values, **changes})


def recognizer_config(folder, output, rank_size, **changes):
    """With every kind of chance in the images of the words."""
    return tiny_words.tiny_config(
        lmdb_root=str(folder),
        save_checkpoint_path=str(output),
        batch_size=PER_STEP // rank_size,
        run_eval=True,
        test_batch_size=2,
        optimizer="momentum",
        base_lr=0.02,
        crop_prob=0.5,
        blur_prob=0.5,
        noise_prob=0.5,
        tone_prob=0.5,
        keep_checkpoint_max=20,
        **changes,
    )


@contextmanager
def kept_statistics():
    """The recognizer trains with batch norm that keeps its statistics: then any division of a batch is the same."""
    from mindspore import nn

    from src.training import train_crnn

    build = train_crnn.build_training_crnn

    def build_with_kept_statistics(*given):
        network, loss = build(*given)
        for _, cell in network.cells_and_names():
            if isinstance(cell, nn.BatchNorm2d):
                cell.use_batch_statistics = False
        return network, loss

    with mock.patch.object(train_crnn, "build_training_crnn", build_with_kept_statistics):
        yield


def main(folder):
    # MindSpore then takes the graphs that train.py compiled; see `compiled` of the test.
    sys.argv[0] = str(Path(__file__).resolve().parents[2] / "train.py")

    from src.model_utils.prepare_run import prepare_run

    run = prepare_run(detector_config(folder, folder / "ranks" / "detector", 2, run_distribute=True))

    from src.evaluation import crnn as evaluate_crnn
    from src.evaluation import ctpn as evaluate_ctpn
    from src.training.train_crnn import train_crnn
    from src.training.train_ctpn import train_ctpn

    place = (run.rank_id, run.rank_size)
    last = run.rank_id == run.rank_size - 1

    def stop_after(evaluate):
        def wrapped(network):
            metrics = evaluate(network)
            if last:
                os.kill(os.getpid(), signal.SIGTERM)
            return metrics

        return wrapped

    said = {"rank": run.rank_id, "size": run.rank_size}
    # The detector goes on where the launch by the script ended.
    config = detector_config(folder, folder / "train_parallel0", 2, resume=True)
    result = train_ctpn(config, *place, partial(evaluate_ctpn.evaluate_in_training, config, folder / "drawn"))
    said["detector"] = [result.epoch, result.step, result.evaluation["hmean"]]
    # The recognizer is asked to stop, on the last rank, while it evaluates; then it goes on.
    output = folder / "ranks" / "recognizer"
    with kept_statistics():
        config = recognizer_config(folder, output, 2)
        first = train_crnn(config, *place, stop_after(partial(evaluate_crnn.evaluate_in_training, config)))
        config = recognizer_config(folder, output, 2, resume=True)
        result = train_crnn(config, *place, partial(evaluate_crnn.evaluate_in_training, config))
    said["stopped"] = [first.stopped_by, first.exit_code, first.epoch, first.step]
    said["recognizer"] = [result.epoch, result.step, result.evaluation["accuracy"]]
    said["evaluated"] = evaluate_both(folder, folder / "ranks" / "eval")
    print(f"{json.dumps(said)}", flush=True)


def evaluate_both(folder, output):
    """What eval.py does, with the last checkpoints that the ranks left."""
    from src.evaluation.crnn import evaluate_crnn
    from src.evaluation.ctpn import evaluate_ctpn

    detector = detector_config(
        folder,
        folder,
        1,
        checkpoint_path=str(folder / "train_parallel0" / "ckpt_0" / f"ctpn-{EPOCHS}_3.ckpt"),
        eval_output_path=str(output / "detector"),
    )
    recognizer = recognizer_config(
        folder,
        folder,
        1,
        checkpoint_path=str(folder / "ranks" / "recognizer" / "ckpt_0" / "crnn-2_4.ckpt"),
        eval_output_path=str(output / "recognizer"),
    )
    return [evaluate_ctpn(detector), evaluate_crnn(recognizer)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
