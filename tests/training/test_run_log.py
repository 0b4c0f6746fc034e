import json
import re

import pytest

from src.common.errors import UserError
from src.training.run_log import RunLog


def write_some(folder, steps, start_step=0, **options):
    with RunLog(folder, total_steps=10, start_step=start_step, interactive=False, **options) as log:
        for step in steps:
            log.advance(1, step, step, {"loss": 1.0 / step, "images/s": None})
            log.record(1, step, step, {"loss": 1.0 / step, "lr": 0.1})


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_loss_lines_have_the_documented_form(tmp_path):
    write_some(tmp_path, [1, 2])
    written = (tmp_path / "loss_0.log").read_text().splitlines()
    assert all(re.fullmatch(r"\d+ epoch: 1 step: \d+ ,rpn_loss: \d\.\d{5}", line) for line in written)
    assert written[1].endswith("step: 2 ,rpn_loss: 0.50000")


def test_metrics_are_json_lines(tmp_path):
    write_some(tmp_path, [1, 2])
    assert lines(tmp_path)[1] == {"event": "train", "epoch": 1, "step": 2, "global_step": 2, "loss": 0.5, "lr": 0.1}


def test_resume_drops_later_and_torn_lines(tmp_path):
    write_some(tmp_path, [1, 2, 3, 4])
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"event": "train", "glob')
    write_some(tmp_path, [3, 4, 5], start_step=2)
    assert [line["global_step"] for line in lines(tmp_path)] == [1, 2, 3, 4, 5]


def test_a_new_training_starts_new_files(tmp_path):
    write_some(tmp_path, [1, 2, 3])
    write_some(tmp_path, [1])
    assert len(lines(tmp_path)) == 1
    assert len((tmp_path / "loss_0.log").read_text().splitlines()) == 1


def test_a_new_training_empties_no_file_behind_a_link(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "loss_0.log").symlink_to("victim")
    write_some(tmp_path, [1])
    assert (tmp_path / "victim").read_text() == "precious" and (tmp_path / "loss_0.log").read_text()


def test_plain_lines_come_at_intervals_and_at_the_end(tmp_path, capsys):
    with RunLog(tmp_path, total_steps=5, interactive=False, line_seconds=1000) as log:
        for step in range(1, 6):
            log.advance(1, step, step, {"loss": 0.25}, seconds_per_step=2.0)
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "epoch 1 step 1 (1/5) loss 0.25 eta 0:00:08",
        "epoch 1 step 5 (5/5) loss 0.25 eta 0:00:00",
    ]


def test_bar_on_a_terminal(tmp_path, capsys):
    with RunLog(tmp_path, total_steps=2, interactive=True) as log:
        log.advance(1, 1, 1, {"loss": 0.25, "lr": 0.1})
        log.info("a [bracketed] line")
        log.advance(1, 2, 2, {"loss": 0.125, "lr": 0.1})
    out = capsys.readouterr().out
    assert "2/2" in out
    assert "loss 0.125" in out
    assert "a [bracketed] line" in out


def test_other_ranks_write_their_losses_only(tmp_path, capsys):
    write_some(tmp_path, [1, 2], rank_id=3)
    assert [path.name for path in tmp_path.iterdir()] == ["loss_3.log"]
    assert capsys.readouterr().out == ""


def test_tensorboard_scalars(tmp_path):
    pytest.importorskip("tensorboardX")
    write_some(tmp_path, [1, 2])
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"train/loss" in events.read_bytes()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write logs"):
        RunLog(tmp_path / "file" / "below", total_steps=1)
