"""ModelArts with a stand-in moxing: inputs in once a node, outputs back also from a failed run."""

import sys
import tarfile
import threading
import time
import types
import zipfile

import pytest

from src.errors import UserError
from src.model_utils import moxing_adapter
from src.model_utils.archives import copy_tree, unpack_archive
from src.model_utils.config import load_config


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A bucket `obs://b` that is a folder, and the calls the stand-in moxing was given."""
    root = tmp_path / "bucket"
    calls = []

    def real(address):
        return root / address[len("obs://b/"):] if address.startswith("obs://b/") else type(root)(address)

    def copy_parallel(source, target):
        calls.append((source, target))
        copy_tree(real(source), real(target))

    moxing = types.ModuleType("moxing")
    moxing.file = types.SimpleNamespace(copy_parallel=copy_parallel)
    monkeypatch.setitem(sys.modules, "moxing", moxing)
    monkeypatch.setenv("JOB_ID", tmp_path.name)
    (root / "data").mkdir(parents=True)
    (root / "data" / "a.txt").write_text("data")
    (root / "checkpoint").mkdir()
    (root / "checkpoint" / "c.ckpt").write_text("weights")
    return types.SimpleNamespace(root=root, calls=calls)


def job_config(tmp_path, **changes):
    return load_config([]).replace(
        enable_modelarts=True, data_url="obs://b/data", checkpoint_url="obs://b/checkpoint",
        train_url="obs://b/out", data_path=str(tmp_path / "cache/data"),
        load_path=str(tmp_path / "cache/load"), output_path=str(tmp_path / "cache/train"), **changes)


def test_inputs_come_and_outputs_go(tmp_path, bucket):
    config = job_config(tmp_path)
    with moxing_adapter.modelarts_job(config):
        assert (tmp_path / "cache/data/a.txt").read_text() == "data"
        assert (tmp_path / "cache/load/c.ckpt").read_text() == "weights"
        (tmp_path / "cache/train/result.txt").write_text("done")
    assert (bucket.root / "out/result.txt").read_text() == "done"


def test_outputs_of_a_failed_run_go_back_too(tmp_path, bucket):
    with pytest.raises(RuntimeError, match="diverged"), moxing_adapter.modelarts_job(job_config(tmp_path)):
        (tmp_path / "cache/train/log").write_text("up to here")
        raise RuntimeError("diverged")
    assert (bucket.root / "out/log").read_text() == "up to here"


def test_outputs_are_placed_where_they_are_brought_from(tmp_path):
    config = job_config(tmp_path, eval_output_path="./eval_output", file_name="models/ctpn")
    placed = moxing_adapter.place_outputs(config)
    root = tmp_path / "cache/train"
    assert placed.save_checkpoint_path == str(root)  # "./" is the default
    assert placed.eval_output_path == str(root / "eval_output")
    assert placed.file_name == str(root / "models" / "ctpn")
    absolute = config.replace(save_checkpoint_path="/cache/train/checkpoint/")
    assert moxing_adapter.place_outputs(absolute).save_checkpoint_path == "/cache/train/checkpoint"
    at_home = config.replace(enable_modelarts=False)
    assert moxing_adapter.place_outputs(at_home).to_dict() == at_home.to_dict()


def test_off_modelarts_nothing_is_copied(tmp_path, bucket):
    with moxing_adapter.modelarts_job(job_config(tmp_path).replace(enable_modelarts=False)):
        pass
    assert bucket.calls == []


def test_only_the_first_device_of_a_node_copies(tmp_path, bucket, monkeypatch):
    config = job_config(tmp_path)
    with moxing_adapter.modelarts_job(config):
        pass
    bucket.calls.clear()
    monkeypatch.setenv("DEVICE_ID", "3")
    with moxing_adapter.modelarts_job(config):
        pass
    assert bucket.calls == []


def test_a_waiting_process_learns_of_the_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("JOB_ID", tmp_path.name)

    def fail():
        raise UserError("no such bucket")

    with pytest.raises(UserError, match="no such bucket"):
        moxing_adapter.once_a_node("inputs", fail, folder=tmp_path)
    monkeypatch.setenv("DEVICE_ID", "1")
    with pytest.raises(UserError, match="first process.*no such bucket"):
        moxing_adapter.once_a_node("inputs", lambda: None, folder=tmp_path)


def test_a_waiting_process_goes_on_when_the_first_is_done(tmp_path):
    order = []
    waiter = threading.Thread(target=lambda: (
        moxing_adapter.once_a_node("x", lambda: order.append("wrong"), first=False, folder=tmp_path),
        order.append("waited")))
    waiter.start()
    time.sleep(0.1)
    moxing_adapter.once_a_node("x", lambda: order.append("copied"), first=True, folder=tmp_path)
    waiter.join(timeout=20)
    assert order == ["copied", "waited"]


def test_without_moxing_folders_work_and_buckets_are_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "moxing", None)
    copy = moxing_adapter.find_copier()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("1")
    copy(str(tmp_path / "in"), str(tmp_path / "out"))
    assert (tmp_path / "out/a").read_text() == "1"
    with pytest.raises(UserError, match="moxing"):
        copy("obs://b/data", str(tmp_path))


def zip_with(path, names, mode=None):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            if mode is not None:
                info.external_attr = mode << 16
            archive.writestr(info, "x")


def test_the_data_set_is_unpacked_once(tmp_path):
    zip_with(tmp_path / "ctpn.zip", ["train/a.txt", "b.txt"])
    moxing_adapter.unpack_dataset(tmp_path, "ctpn")
    assert (tmp_path / "train/a.txt").read_text() == "x"
    (tmp_path / "b.txt").write_text("changed")
    moxing_adapter.unpack_dataset(tmp_path, "ctpn")
    assert (tmp_path / "b.txt").read_text() == "changed"
    with pytest.raises(UserError, match="other"):
        moxing_adapter.unpack_dataset(tmp_path, "other")
    with pytest.raises(UserError, match="plain name"):
        moxing_adapter.unpack_dataset(tmp_path, "../ctpn")


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_members_that_point_outside_refuse_the_whole_archive(tmp_path, name):
    target = tmp_path / "deep" / "target"
    zip_with(tmp_path / "a.zip", ["good.txt", name])
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        (tmp_path / "x").write_text("x")
        archive.add(tmp_path / "x", "good.txt")
        archive.addfile(tarfile.TarInfo(name))
    for archive_name in ("a.zip", "a.tar"):
        with pytest.raises(UserError, match="outside"):
            unpack_archive(tmp_path / archive_name, target)
        assert not target.exists()
    assert not list(tmp_path.rglob("evil*"))


def test_links_are_refused(tmp_path):
    zip_with(tmp_path / "a.zip", ["link"], mode=0o120777)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    for archive_name in ("a.zip", "a.tar"):
        with pytest.raises(UserError, match="link"):
            unpack_archive(tmp_path / archive_name, tmp_path / "target")


def test_size_limit_and_other_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 3_000_000)
    with pytest.raises(UserError, match="limit"):
        unpack_archive(tmp_path / "big.zip", tmp_path / "out", max_bytes=1_000_000)
    (tmp_path / "no.zip").write_text("text")
    with pytest.raises(UserError, match="neither"):
        unpack_archive(tmp_path / "no.zip", tmp_path / "out")
