"""ModelArts jobs as processes: what the console starts, with a stand-in moxing whose buckets are folders.

Each job has an empty machine: what it needs comes from the bucket, and what remains of it is in the bucket.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_detection import make_entries, write_images, write_set
from tiny_words import drawn, write_lmdb

pytest.importorskip("mindspore")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

MOXING = """
import os, pathlib, shutil

def _real(address):
    if address.startswith("obs://"):
        return pathlib.Path(os.environ["BUCKETS"], address[len("obs://"):])
    return pathlib.Path(address)

def copy_parallel(source, target):
    if not _real(source).exists():
        raise OSError("NoSuchKey: " + source)
    shutil.copytree(_real(source), _real(target), dirs_exist_ok=True)

def exists(address):
    return _real(address).exists()
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """Buckets, the stand-in moxing, and a machine."""
    place = tmp_path_factory.mktemp("model arts")
    (place / "packages/moxing").mkdir(parents=True)
    (place / "packages/moxing/__init__.py").write_text("from . import file\n")
    (place / "packages/moxing/file.py").write_text(MOXING)
    (place / "buckets").mkdir()
    return SimpleNamespace(place=place, buckets=place / "buckets", machine=place / "cache")


def start(cloud, command, compiled=None, **values):
    """A job on a new machine. Folders below /cache on ModelArts are below `cloud.machine` here.

    Jobs of one network that are given the same folder `compiled` share their compiled graphs.
    """
    shutil.rmtree(cloud.machine, ignore_errors=True)
    (cloud.machine / "user-job-dir").mkdir(parents=True)
    folders = {
        "data_path": cloud.machine / "data",
        "load_path": cloud.machine / "checkpoint_path",
        "output_path": cloud.machine / "train",
    }
    options = [f"--{key}={value}" for key, value in {"enable_modelarts": True, **folders, **values}.items()]
    paths = os.pathsep.join([str(cloud.place / "packages"), os.environ.get("PYTHONPATH", "")])
    variables = {
        **os.environ,
        "PYTHONPATH": paths,
        "BUCKETS": str(cloud.buckets),
        "OMP_NUM_THREADS": "1",
        "DEVICE_ID": "5",
        "RANK_SIZE": "1",
    }
    if compiled:
        variables |= {"MS_COMPILER_CACHE_ENABLE": "1", "MS_COMPILER_CACHE_PATH": str(compiled)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / command), *options],
        cwd=cloud.machine / "user-job-dir",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
        env=variables,
    )


def run(cloud, command, code=0, **values):
    """A job to its end, which is `code`; what it said."""
    process = start(cloud, command, **values)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == code, said
    # Nothing is written beside its folders, where it would be lost.
    assert list((cloud.machine / "user-job-dir").iterdir()) == []
    return said


def names(folder):
    return {path.name for path in folder.iterdir()}


CTPN = """
img_width: 96
img_height: 64
backbone_width: 0.0625
batch_size: 2
pre_total_epoch: 1
num_parallel_workers: 1
text_proposals_min_scores: 0.0
line_min_score: 0.0
min_num_proposals: 1
device_target: CPU
"""


@pytest.fixture(scope="module")
def ctpn(cloud):
    """The data set of the detection network in a zip, and a training job."""
    source = cloud.place / "ctpn source"
    entries = make_entries({"img_1.jpg": (64, 96), "img_2.jpg": (70, 100)})
    write_set(source / "pretrain", entries, "ctpn_pretrain.mindrecord")
    write_set(source / "test", entries)
    write_images(source / "ICDAR2013/test", entries)
    (cloud.buckets / "work/ctpn_dataset").mkdir(parents=True)
    with zipfile.ZipFile(cloud.buckets / "work/ctpn_dataset/ctpn.zip", "w") as archive:
        for path in source.rglob("*"):
            archive.write(path, path.relative_to(source))
    config = cloud.place / "my config.yaml"
    config.write_text(CTPN)
    common = {
        "_config_path": config,
        "need_modelarts_dataset_unzip": True,
        "modelarts_dataset_unzip_name": "ctpn",
        "data_url": "obs://work/ctpn_dataset",
    }
    said = run(
        cloud,
        "train.py",
        **common,
        task_type="Pretraining",
        train_url="obs://work/V1",
        pretraining_dataset_file=cloud.machine / "data/pretrain/ctpn_pretrain.mindrecord",
        save_checkpoint_path=cloud.machine / "train/checkpoint/",
    )
    return SimpleNamespace(common=common, config=config, said=said)


def test_a_detection_training_leaves_its_checkpoint_in_the_bucket(cloud, ctpn):
    assert "finished after epoch 1 step 1" in ctpn.said
    assert names(cloud.buckets / "work/V1") == {"checkpoint"}
    kept = names(cloud.buckets / "work/V1/checkpoint")
    assert {"ckpt_0", "loss_0.log", "metrics.jsonl"} <= kept
    assert {"ctpn-1_1.ckpt", "ctpn-1_1.state", "config.yaml"} <= names(cloud.buckets / "work/V1/checkpoint/ckpt_0")


def test_a_detection_evaluation_takes_the_checkpoint_from_the_bucket(cloud, ctpn):
    said = run(
        cloud,
        "eval.py",
        **ctpn.common,
        checkpoint_url="obs://work/V1/checkpoint/ckpt_0",
        train_url="obs://work/eval",
        checkpoint_path=cloud.machine / "checkpoint_path",
        img_dir=cloud.machine / "data/ICDAR2013/test",
        dataset_path=cloud.machine / "data/test/ctpn_test.mindrecord",
    )
    assert re.search(r'^ctpn-1_1: \{"precision": ', said, re.MULTILINE)
    results = cloud.buckets / "work/eval/eval_output"
    assert {"results_ctpn-1_1.json", "gt.zip"} <= names(results)
    assert len(names(results / "pictures_ctpn-1_1")) == 2


CRNN = {
    "network": "crnn",
    "network_width": 0.03,
    "image_width": "[32]",
    "batch_size": 4,
    "device_target": "CPU",
    "need_modelarts_dataset_unzip": True,
    "modelarts_dataset_unzip_name": "words",
}


@pytest.fixture(scope="module")
def crnn(cloud):
    """The data set of the recognition network in a tar, and a training job that the platform stops."""
    source = cloud.place / "crnn source"
    for name, count in (("MJ_LMDB", 8), ("IIIT5k_lmdb", 3)):
        write_lmdb(source / name, [(drawn("abc", seed), "abc") for seed in range(count)])
    (cloud.buckets / "words/data").mkdir(parents=True)
    shutil.make_archive(str(cloud.buckets / "words/data/words"), "gztar", source)
    common = {**CRNN, "data_url": "obs://words/data", "lmdb_root": cloud.machine / "data"}
    train = {
        **common,
        "compiled": cloud.place / "compiled",
        "train_url": "obs://words/V1",
        "resume": True,
        "save_checkpoint_epochs": 1,
    }
    process = start(cloud, "train.py", **train, total_epoch=10_000)
    said = []
    for line in process.stdout:
        said.append(line)
        if "saved" in line:
            break
    for _ in range(2):  # to the job, and to each of its processes
        process.send_signal(signal.SIGTERM)
    said.append(process.communicate(timeout=300)[0])
    return SimpleNamespace(common=common, train=train, said="".join(said), code=process.returncode)


def test_a_stopped_recognition_training_is_in_the_bucket_and_goes_on(cloud, crnn):
    assert crnn.code == 143, crnn.said
    epoch, step = map(int, re.search(r"stopped by SIGTERM after epoch (\d+) step (\d+)", crnn.said).groups())
    kept = cloud.buckets / "words/V1"
    assert {f"crnn-{epoch}_{step}.ckpt", f"crnn-{epoch}_{step}.state"} <= names(kept / "ckpt_0")
    lines = len((kept / "metrics.jsonl").read_text().splitlines())
    said = run(cloud, "train.py", **crnn.train, total_epoch=epoch + 1)
    assert f"resumed after epoch {epoch} step {step}" in said
    assert f"crnn-{epoch + 1}_2.ckpt" in names(kept / "ckpt_0")
    assert len((kept / "metrics.jsonl").read_text().splitlines()) > lines


def test_results_of_a_failing_recognition_evaluation_are_in_the_bucket(cloud, crnn):
    checkpoints = cloud.buckets / "words/V1/ckpt_0"
    shutil.copytree(checkpoints, cloud.buckets / "words/some")
    (cloud.buckets / "words/some/crnn-0_1.ckpt").write_bytes(b"damaged")
    said = run(
        cloud,
        "eval.py",
        **crnn.common,
        train_url="obs://words/eval",
        checkpoint_url="obs://words/some",
        checkpoint_path=cloud.machine / "checkpoint_path",
        draw_results=False,
        code=1,
    )
    assert "crnn-0_1.ckpt" in said
    results = cloud.buckets / "words/eval/eval_output"
    (*_, newest) = sorted(results.glob("results_crnn-*.json"))
    assert json.loads(newest.read_text())


def test_a_recognition_export_is_in_the_bucket(cloud, crnn):
    newest = max((cloud.buckets / "words/V1/ckpt_0").glob("crnn-*.ckpt"), key=lambda path: path.stat().st_mtime)
    run(
        cloud,
        "export.py",
        **{**CRNN, "need_modelarts_dataset_unzip": False},
        data_url="obs://words/V1/ckpt_0",
        train_url="obs://words/export",
        ckpt_file=cloud.machine / "data" / newest.name,
        file_format="ONNX",
    )
    assert "crnn.onnx" in names(cloud.buckets / "words/export")


def test_a_bucket_that_is_not_there_is_one_line(cloud):
    said = run(cloud, "train.py", data_url="obs://nowhere/x", train_url="obs://work/none", code=1)
    assert re.fullmatch(r"error: data_url: 'obs://nowhere/x' cannot be copied to .*NoSuchKey.*\n", said)
    assert not (cloud.buckets / "work/none").exists()
