"""The pages say what the code says: names, options, and where commands write."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from src.data.detection.annotations.label_layouts import ALL_LAYOUTS

ROOT = Path(__file__).resolve().parents[1]


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("network", ["crnn", "ctpn"])
def test_the_page_on_pytorch_has_the_options_for_a_gpu(network):
    options = re.search(r"^# A GPU: (.+)$", text_of(f"pytorch/recipes/{network}.yaml"), re.MULTILINE)
    assert options and f"`{options[1]}`" in text_of("docs/pytorch.md")


def test_the_page_on_detection_data_names_label_formats_as_the_report_does():
    rows = re.findall(r"^\| ([a-z -]+(?:, [a-z]+)?) \| ", text_of("docs/detection_data.md"), re.MULTILINE)
    assert set(ALL_LAYOUTS) <= {name for row in rows for name in row.split(", ")}


@pytest.mark.parametrize(
    "output", ["ctpn.mindir.json", "crnn.air.json", "eval_output/log", "infer/log", "eval/gt.zip"]
)
def test_git_ignores_what_commands_write(output):
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    assert subprocess.run(["git", "-C", ROOT, "check-ignore", "--quiet", output], check=False).returncode == 0
