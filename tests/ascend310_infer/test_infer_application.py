"""The application with the stand-in for MindSpore Lite: every path but the device, under the sanitizers."""

import json
import os
import re
import shutil
import sys

import numpy as np
import pytest
from dumped_outputs import write_outputs
from infer_builds import run
from PIL import Image
from tiny_networks import write_crnn_stand_in, write_ctpn_stand_in, write_stand_in
from tiny_words import preprocess_word

from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.postprocess.output_files import read_outputs

NAMES = ("a.jpg", "a.png", "sub folder/b.v2.bmp", 'sub folder/quote" \\.ppm', "zeichen_字é.JPEG")


def colorful(seed, size):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.fixture
def place(tmp_path):
    """A folder with five images of different sizes in `my images`."""
    for seed, name in enumerate(NAMES):
        path = tmp_path / "my images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {"jpg": "JPEG", "jpeg": "JPEG", "ppm": "PPM"}.get(name.rpartition(".")[2].lower())
        Image.fromarray(colorful(seed, (30 + 7 * seed, 50 + 11 * seed))).save(path, kind)
    return tmp_path


@pytest.fixture
def infer(sanitized, place):
    """Runs the application in `place`; returns the finished process."""

    def start(*arguments, model="net.mindir", data="my images"):
        models = [] if model is None else ["--model_path", model]
        return run(sanitized / "main", *models, "--dataset_path", data, *arguments, cwd=place)

    return start


def first_values(place, prepare):
    """What the stand-in sees of each image: the first value of its input."""
    return {name: prepare(decode_image(place / "my images" / name)).ravel()[0] for name in NAMES}


def scene(image):
    return preprocess(image, (64, 96))[0]


def failed(done, code, words):
    """One line that holds `words`, the exit code, and no outputs half written."""
    assert done.returncode == code, done.stderr
    assert re.fullmatch(f"(left out .*\n)*error: .*{words}.*\n", done.stderr), done.stderr


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_each_image_gets_its_own_outputs(place, infer, batch, dtype):
    """Whatever the batch, which does not divide the number of images, and the input's type."""
    write_ctpn_stand_in(place / "net.mindir", batch, dtype=dtype)
    done = infer("--threads", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "wrote the outputs for 5 images to result_Files" in done.stdout
    for name, value in first_values(place, scene).items():
        outputs = read_outputs(place / "result_Files" / f"{name}.json")
        assert (outputs.image, list(outputs.arrays)) == (name, ["proposals", "mask"])
        assert outputs.size == decode_image(place / "my images" / name).shape[:2]
        seen = np.float32(np.float16(value)) if dtype == "float16" else value
        expected = (np.arange(30, dtype=np.float32) + seen).reshape(1, 6, 5)
        np.testing.assert_array_equal(outputs.arrays["proposals"], expected)
        assert outputs.arrays["mask"].dtype == bool and outputs.arrays["mask"].shape == (1, 6)


def test_the_files_are_those_that_python_writes(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    assert infer().returncode == 0
    for name in NAMES:
        outputs = read_outputs(place / "result_Files" / f"{name}.json")
        write_outputs(place / "again", name, outputs.size, outputs.arrays)
    again = sorted(path.relative_to(place / "again") for path in (place / "again").rglob("*") if path.is_file())
    written = sorted(path.relative_to(place / "result_Files") for path in (place / "result_Files").rglob("*.*"))
    assert again == written and len(again) == 3 * len(NAMES)
    for path in again:
        assert (place / "again" / path).read_bytes() == (place / "result_Files" / path).read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode there")
def test_a_name_that_is_not_utf8(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    shutil.copy(place / "my images" / "a.jpg", os.path.join(os.fsencode(place / "my images"), b"caf\xe9.jpg"))
    assert infer().returncode == 0
    (header,) = (place / "result_Files").glob("caf*.json")
    described = json.loads(header.read_text())
    assert os.fsencode(described["image"]) == b"caf\xe9.jpg"
    assert read_outputs(header).arrays["mask"].shape == (1, 6)


def test_words_of_one_width(place, infer):
    write_crnn_stand_in(place / "net.mindir")
    assert infer("--image_width", "[100]").returncode == 0
    for name, value in first_values(place, lambda image: preprocess_word(image, 32, (100,))).items():
        outputs = read_outputs(place / "result_Files" / f"{name}.json")
        expected = np.arange(26 * 37, dtype=np.float32) + value
        np.testing.assert_array_equal(outputs.arrays["log_probs"], expected.reshape(26, 1, 37))


def test_words_of_several_widths_go_to_the_network_of_theirs(place, infer):
    """A MINDIR holds one width: CRNN of several widths is several files."""
    for width in (52, 60):
        write_crnn_stand_in(place / f"net_{width}.mindir", width=width)
    done = infer("--model_path", "net_52.mindir", model="net_60.mindir")
    assert (done.returncode, done.stderr) == (0, "")
    steps = {}
    for name in NAMES:
        image = decode_image(place / "my images" / name)
        prepared = preprocess_word(image, 32, (52, 60))
        log_probs = read_outputs(place / "result_Files" / f"{name}.json").arrays["log_probs"]
        steps[name] = log_probs.shape[0]
        assert log_probs.shape == (prepared.shape[2] // 4 + 1, 1, 37)
        assert log_probs[0, 0, 0] == prepared.ravel()[0]
    assert set(steps.values()) == {14, 16}


def test_free_sizes_are_fixed_by_the_options(place, infer):
    write_stand_in(place / "net.mindir", "input x float32 -1 1 32 -1", "output y float32 9 -1 37")
    assert infer("--batch_size", "3", "--image_width", "40,60").returncode == 0
    outputs = read_outputs(place / "result_Files" / "a.jpg.json")
    assert outputs.arrays["log_probs"].shape == (9, 1, 37)


def test_device_and_precision_reach_the_runtime(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    first = {}
    for number, options in enumerate([(), ("--device_id", "2"), ("--precision", "f32"), ("--device_target", "CPU")]):
        assert infer("--output_dir", f"out{number}", *options).returncode == 0
        first[number] = read_outputs(place / f"out{number}" / "a.jpg.json").arrays["proposals"][0, 0, 0]
    assert first[1] - first[0] == pytest.approx(0.5, abs=1e-6)
    assert first[2] - first[0] == pytest.approx(0.25, abs=1e-6)
    assert first[3] == first[0]


def test_times_are_summed_up(place, infer):
    write_ctpn_stand_in(place / "net.mindir", batch=2)
    assert infer("--output_dir", "there/outputs").returncode == 0
    lines = (place / "there/time_Result/test_perform_static.txt").read_text().splitlines()
    assert re.fullmatch(r"NN inference cost average time: [\d.e-]+ ms of infer_count 3", lines[0])
    assert lines[1] == "images: 5, 2 at a time"
    assert infer("--time_dir", "times").returncode == 0
    assert (place / "times/test_perform_static.txt").is_file()


def test_one_image(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    assert infer(data="my images/sub folder/b.v2.bmp").returncode == 0
    assert (place / "result_Files/b.v2.bmp_0.bin").is_file()


def test_bad_images_are_named_and_counted(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    (place / "my images" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    (place / "my images" / "link.png").symlink_to("nowhere")
    done = infer("--max_bad_ratio", "0.5")
    assert done.returncode == 0
    assert re.search(r"left out my images/broken.jpg: truncated", done.stderr)
    assert re.search(r"left out my images/link.png: missing", done.stderr)
    assert "wrote the outputs for 5 images to result_Files, left out 2" in done.stdout
    assert not (place / "result_Files" / "broken.jpg.json").exists()
    failed(
        infer(), 1, r"1 of 7 images cannot be used, more than max_bad_ratio = 0.05 allows: .*broken.jpg: truncated"
    )


def test_what_is_no_file_is_passed_over(place, infer):
    """Opening a pipe waits for whoever writes into it; a name may leave no room for those of the outputs."""
    write_ctpn_stand_in(place / "net.mindir")
    images = place / "my images"
    os.mkfifo(images / "pipe.jpg")
    (images / "device.png").symlink_to("/dev/zero")
    (images / "ring.png").symlink_to("ring.png")
    (images / "folder.jpg").mkdir()
    (images / "sparse.png").touch()
    os.truncate(images / "sparse.png", 60 << 30)
    shutil.copy(images / "a.png", images / ("n" * 251 + ".png"))
    shutil.copy(images / "a.png", images / ("n" * 241 + ".png"))
    shutil.copy(images / "a.jpg", images / "\x1b[2J\nb.jpg")
    (images / "\x1b[31m.jpg").write_bytes(b"no image")
    done = infer("--max_bad_ratio", "0.9")
    assert done.returncode == 0, done.stderr
    assert "2 special files are no images\n" in done.stderr
    assert "ring.png: missing" in done.stderr and "sparse.png: too large (64424509440 bytes)" in done.stderr
    assert "left out my images/\\x1b[31m.jpg: not an image" in done.stderr and "\x1b" not in done.stderr
    assert "the name is too long" in done.stderr and all(len(line) <= 300 for line in done.stderr.splitlines())
    assert "wrote the outputs for 7 images to result_Files, left out 4" in done.stdout
    assert (place / "result_Files" / ("n" * 241 + ".png.json")).is_file()


def test_a_device_that_is_named_is_read_up_to_a_limit(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    failed(infer(data="/dev/zero"), 1, "/dev/zero: too large")


def test_large_images_are_refused(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    done = infer("--max_image_pixels", "2500", "--max_bad_ratio", "1")
    assert done.returncode == 0
    assert "a.png: too large (61x37)" not in done.stderr
    assert "zeichen_字é.JPEG: too large (94x58, at most 2500 pixels are accepted)" in done.stderr


@pytest.mark.parametrize(
    ("lines", "options", "words"),
    [
        (["nonsense"], [], "MindSpore Lite cannot use 'net.mindir': it cannot be built: the file is no network"),
        ([], [], "0 inputs; a network with one is expected"),
        (["input x float32 1 3 64 96", "input y float32 1 3 64 96"], [], "2 inputs"),
        (["input x float32 1 3 64"], [], "an input of 3 dimensions"),
        (["input x int32 1 3 64 96"], [], "an input of int32"),
        (["input x float64 1 3 64 96"], [], "MindSpore's type 44"),
        (["input x float32 1 4 64 96"], [], "an input of 4 channels; CTPN has 3 and CRNN has 1"),
        (["input x float32 1 3 -1 96"], [], "the size of the network's input is not in the file"),
        (["input x float32 2 3 64 96"], ["--batch_size", "3"], "batch_size: 3 given, .* for 2 images at a time"),
        (["input x float32 1 3 64 96"], [], r"outputs of shapes  for 1 images are not those of CTPN"),
        (["input x float32 1 3 64 96", "output y float32 -1 4"], [], r"outputs of shapes \(1, 4\)"),
        (["input x float32 1 3 64 96", "fail"], [], "the network failed: out of memory"),
        (["input x float32 1 3 64 96"], ["--image_width", "100"], "image_width: is for CRNN"),
        (["input x float32 1 3 64 96"], ["--model_path", "net.mindir"], "model_path: is given several times"),
        (["input x float32 1 1 32 100"], ["--keep_ratio"], "keep_ratio: is for CTPN"),
        (["input x float32 1 1 32 100"], ["--image_width", "[100, 200]"], "image_width: 100, 200 given, .* for 100"),
        (["input x float32 1 1 32 100"], ["--model_path", "net.mindir"], "two networks for width 100"),
        (["input x float32 1 1 32 -1"], ["--model_path", "net.mindir"], "networks of one width each"),
        (["input x float32 1 3 64 96", "output y float64 -1 4"], [], "MindSpore's type 44"),
    ],
)
def test_networks_that_do_not_fit_are_one_line(place, infer, lines, options, words):
    """2 where it is an option that does not fit, 1 where it is the network."""
    write_stand_in(place / "net.mindir", *lines)
    failed(infer(*options), 2 if options else 1, words)
    assert not (place / "result_Files").exists()


def test_an_output_folder_that_cannot_be_written(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    (place / "taken").touch()
    failed(infer("--output_dir", "taken"), 2, "taken")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device_target", "GPU"], r"device_target: 'GPU' is not one of Ascend, CPU \(mindspore_lite\)"),
        (["--precision", "bf16"], "precision: 'bf16' is not one of auto, f32"),
        (["--device_id", "x"], "device_id: 'x'"),
        (["--model_path", "none.mindir"], "model_path: 'none.mindir' is not a file"),
        (["--unknown", "1"], "'--unknown': unknown; --help"),
    ],
)
def test_mistakes_on_the_command_line(place, infer, arguments, words):
    write_ctpn_stand_in(place / "net.mindir")
    failed(infer(*arguments), 2, words)


def test_data_that_is_not_there(place, infer):
    write_ctpn_stand_in(place / "net.mindir")
    failed(infer(data="nowhere"), 2, "dataset_path: 'nowhere' does not exist")
    (place / "empty").mkdir()
    failed(infer(data="empty"), 1, "dataset_path: no image in 'empty'")


def test_help(infer):
    done = infer("--help", model=None)
    assert done.returncode == 0
    assert "Example: main --model_path" in done.stdout
