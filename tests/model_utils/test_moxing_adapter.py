"""ModelArts with a stand-in moxing: inputs in once a node, outputs back also from a failed run."""

import os
import signal
import sys
import types
import zipfile

import pytest

from src.common.errors import UserError
from src.common.options import OptionError
from src.model_utils import moxing_adapter
from src.model_utils.archives import copy_tree
from src.model_utils.config import load_config


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A bucket `obs://b` that is a folder, and the calls the stand-in moxing was given."""
    root = tmp_path / "bucket"
    calls = []

    def real(address):
        return root / address[len("obs://b/") :] if address.startswith("obs://b/") else type(root)(address)

    def copy_parallel(source, target):
        calls.append((source, target))
        copy_tree(real(source), real(target))

    moxing = types.ModuleType("moxing")
    moxing.file = types.SimpleNamespace(copy_parallel=copy_parallel, exists=lambda address: real(address).exists())
    monkeypatch.setitem(sys.modules, "moxing", moxing)
    monkeypatch.setenv("JOB_ID", tmp_path.name)
    (root / "data").mkdir(parents=True)
    (root / "data" / "a.txt").write_text("data")
    (root / "checkpoint").mkdir()
    (root / "checkpoint" / "c.ckpt").write_text("weights")
    return types.SimpleNamespace(root=root, calls=calls)


def job_config(tmp_path, **changes):
    job = {
        "enable_modelarts": True,
        "data_url": "obs://b/data",
        "checkpoint_url": "obs://b/checkpoint",
        "train_url": "obs://b/out",
        "data_path": str(tmp_path / "cache/data"),
        "load_path": str(tmp_path / "cache/load"),
        "output_path": str(tmp_path / "cache/train"),
    }
    return load_config([]).replace(**{**job, **changes})


def test_inputs_come_and_outputs_go(tmp_path, bucket):
    config = job_config(tmp_path)
    with moxing_adapter.modelarts_job(config):
        assert (tmp_path / "cache/data/a.txt").read_text() == "data"
        assert (tmp_path / "cache/load/c.ckpt").read_text() == "weights"
        (tmp_path / "cache/train/result.txt").write_text("done")
    assert (bucket.root / "out/result.txt").read_text() == "done"


def test_without_train_url_it_is_said_that_nothing_goes_back(tmp_path, bucket, capsys):
    with moxing_adapter.modelarts_job(job_config(tmp_path, train_url="")):
        assert "train_url: is empty, so nothing of" in capsys.readouterr().err
    assert not (bucket.root / "out").exists()


def test_outputs_of_a_failed_run_go_back_too(tmp_path, bucket):
    with pytest.raises(RuntimeError, match="diverged"), moxing_adapter.modelarts_job(job_config(tmp_path)):
        (tmp_path / "cache/train/log").write_text("up to here")
        raise RuntimeError("diverged")
    assert (bucket.root / "out/log").read_text() == "up to here"


def test_outputs_of_a_stopped_run_go_back_too(tmp_path, bucket):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    copy_parallel = sys.modules["moxing"].file.copy_parallel

    def copy_and_be_signalled(source, target):
        if source.endswith("train"):  # an impatient platform: nothing of it may cut the copy short
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
        copy_parallel(source, target)

    sys.modules["moxing"].file.copy_parallel = copy_and_be_signalled
    with pytest.raises(SystemExit) as stopped, moxing_adapter.modelarts_job(job_config(tmp_path)):
        (tmp_path / "cache/train/log").write_text("up to here")
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal was not heard")
    assert stopped.value.code == 143
    assert (bucket.root / "out/log").read_text() == "up to here"
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_copy_that_fails_names_the_key_and_hides_no_other_error(tmp_path, bucket, capsys):
    def fail(source, target):
        raise ConnectionError("status 403\nrequest 17")

    sys.modules["moxing"].file.copy_parallel = fail
    with (
        pytest.raises(UserError, match="data_url: 'obs://b/data' cannot be copied .*403"),
        moxing_adapter.modelarts_job(job_config(tmp_path)),
    ):
        raise AssertionError("nothing may start without its inputs")
    config = job_config(tmp_path, data_url="", checkpoint_url="")
    with (
        pytest.raises(UserError, match="train_url: the outputs cannot be copied to 'obs://b/out' .*403"),
        moxing_adapter.modelarts_job(config),
    ):
        pass
    with pytest.raises(UserError, match="diverged"), moxing_adapter.modelarts_job(config):
        raise UserError("diverged")
    assert "error: train_url: the outputs cannot be copied" in capsys.readouterr().err


def test_a_job_that_is_started_again_gets_its_earlier_outputs(tmp_path, bucket):
    config = job_config(tmp_path, resume=True)
    with moxing_adapter.modelarts_job(config):  # the first time there is nothing yet
        (tmp_path / "cache/train/ckpt_0").mkdir()
        (tmp_path / "cache/train/ckpt_0/ctpn-1_5.ckpt").write_text("half way")
    elsewhere = config.replace(output_path=str(tmp_path / "another machine"))
    with moxing_adapter.modelarts_job(elsewhere):
        assert (tmp_path / "another machine/ckpt_0/ctpn-1_5.ckpt").read_text() == "half way"
    bucket.calls.clear()
    with moxing_adapter.modelarts_job(job_config(tmp_path)):
        assert "obs://b/out" not in [source for source, _ in bucket.calls]


def test_outputs_are_placed_where_they_are_brought_from(tmp_path):
    config = job_config(tmp_path, eval_output_path="./eval_output", file_name="models/ctpn")
    placed = moxing_adapter.place_outputs(config)
    root = tmp_path / "cache/train"
    assert placed.save_checkpoint_path == str(root)  # "./" is the default
    assert placed.eval_output_path == str(root / "eval_output")
    assert placed.file_name == str(root / "models" / "ctpn")
    absolute = config.replace(output_path="/cache/train", save_checkpoint_path="/cache/train/checkpoint/")
    assert moxing_adapter.place_outputs(absolute).save_checkpoint_path == "/cache/train/checkpoint"
    at_home = config.replace(enable_modelarts=False)
    assert moxing_adapter.place_outputs(at_home).to_dict() == at_home.to_dict()


def test_off_modelarts_nothing_is_copied(tmp_path, bucket):
    with moxing_adapter.modelarts_job(job_config(tmp_path).replace(enable_modelarts=False)):
        pass
    assert bucket.calls == []


@pytest.mark.parametrize("key", ["save_checkpoint_path", "eval_output_path", "file_name"])
@pytest.mark.parametrize("path", ["/elsewhere/x", "../x", "/cache/training"])
def test_outputs_that_would_be_lost_are_refused_before_anything_is_fetched(tmp_path, bucket, key, path):
    config = job_config(tmp_path).replace(output_path="/cache/train", **{key: path})
    with (
        pytest.raises(OptionError, match=f"{key}: .* is outside output_path"),
        moxing_adapter.modelarts_job(config),
    ):
        raise AssertionError("it must not start")
    assert bucket.calls == []
    assert getattr(moxing_adapter.place_outputs(config.replace(train_url="")), key).endswith(path.lstrip("."))


@pytest.mark.parametrize(
    ("processes", "copies"),
    [
        ("0 of 8", True),
        ("3 of 8", False),
        ("3 of 1", True),
        ("8 of 16", True),
        ("5 of 16", False),
        ("4 of 4", True),
        ("6 of 4", False),
        ("3 of ", True),
        ("3 of 0", True),
    ],
)
def test_one_process_of_a_node_copies(tmp_path, bucket, monkeypatch, processes, copies):
    device, _, count = processes.partition(" of ")
    monkeypatch.setenv("DEVICE_ID", device)
    monkeypatch.setenv("RANK_SIZE", count)
    if not copies:  # the one that does is done
        marker = f"scene_text_inputs_{tmp_path.name}_{os.getppid()}"
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        (tmp_path / marker).write_text("done")
    with moxing_adapter.modelarts_job(job_config(tmp_path)):
        pass
    assert len(bucket.calls) == (3 if copies else 0)


def test_without_moxing_folders_work_and_buckets_are_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "moxing", None)
    storage = moxing_adapter.find_storage()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("1")
    storage.copy(str(tmp_path / "in"), str(tmp_path / "out"))
    assert (tmp_path / "out/a").read_text() == "1"
    assert storage.exists(str(tmp_path / "out"))
    assert not storage.exists(str(tmp_path / "other"))
    for pair in (("obs://b/data", str(tmp_path)), (str(tmp_path / "in"), "s3://b/out")):
        with pytest.raises(UserError, match="moxing"):
            storage.copy(*pair)
    with (
        pytest.raises(UserError, match="data_url: .*none': no such file or folder"),
        moxing_adapter.modelarts_job(job_config(tmp_path, data_url=str(tmp_path / "none"))),
    ):
        pass


def test_a_moxing_that_cannot_be_imported_is_not_taken_for_none(tmp_path, monkeypatch):
    (tmp_path / "moxing.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "moxing", raising=False)
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        moxing_adapter.find_storage()


def test_the_data_set_is_unpacked_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "ctpn.zip", "w") as archive:
        archive.writestr("train/a.txt", "x")
        archive.writestr("b.txt", "x")
    moxing_adapter.unpack_dataset(tmp_path, "ctpn")
    assert (tmp_path / "train/a.txt").read_text() == "x"
    (tmp_path / "b.txt").write_text("changed")
    moxing_adapter.unpack_dataset(tmp_path, "ctpn")
    assert (tmp_path / "b.txt").read_text() == "changed"
    with pytest.raises(UserError, match="other"):
        moxing_adapter.unpack_dataset(tmp_path, "other")
    with pytest.raises(UserError, match="plain name"):
        moxing_adapter.unpack_dataset(tmp_path, "../ctpn")
