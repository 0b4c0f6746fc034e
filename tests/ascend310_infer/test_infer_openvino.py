"""The application with OpenVINO on CPU: the outputs of the networks are those of Python's own path."""

import numpy as np
import pytest
from infer_builds import run
from PIL import Image
from tiny_networks import random_onnx, write_bright_onnx
from tiny_words import preprocess_word

from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.postprocess.output_files import read_outputs

onnxruntime = pytest.importorskip("onnxruntime")

SIZES = {"a.jpg": (70, 130), "b.png": (64, 96), "c/d.png": (128, 192), "e.bmp": (33, 41)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with images and both networks."""
    folder = tmp_path_factory.mktemp("a place")
    rng = np.random.default_rng(5)
    for name, size in SIZES.items():
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
        small.resize(size[::-1], Image.Resampling.BICUBIC).save(path)
    random_onnx("ctpn", folder / "ctpn.onnx")
    random_onnx("crnn", folder / "crnn.onnx")
    return folder


def infer(main, place, model, output, *options):
    done = run(
        main,
        "--model_path",
        model,
        "--dataset_path",
        "images",
        "--output_dir",
        output,
        "--infer_threads",
        "1",
        *options,
        cwd=place,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {name: read_outputs(place / output / f"{name}.json").arrays for name in SIZES}


def reference(place, model):
    """The network in another runtime, on Python's own input."""
    session = onnxruntime.InferenceSession(str(place / model), providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {"image": image[None]})


@pytest.mark.parametrize("options", [(), ("--batch_size", "3"), ("--keep_ratio",)], ids=["one", "three", "keep"])
def test_ctpn(openvino_main, place, options):
    network = reference(place, "ctpn.onnx")
    found = infer(openvino_main, place, "ctpn.onnx", "_".join(["ctpn", *options]), *options)
    for name, arrays in found.items():
        image = decode_image(place / "images" / name)
        expected = network(preprocess(image, (64, 96), "--keep_ratio" in options)[0])
        assert list(arrays) == ["score_map", "delta_map"]
        for array, wanted in zip(arrays.values(), expected, strict=True):
            assert array.shape == wanted.shape
            assert np.abs(wanted).max() > 0.05
            np.testing.assert_allclose(array, wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "options", [(), ("--batch_size", "3", "--image_width", "[48, 100, 160]")], ids=["one", "three"]
)
def test_crnn_takes_its_widths_from_the_file(openvino_main, place, options):
    network = reference(place, "crnn.onnx")
    steps = set()
    for name, arrays in infer(openvino_main, place, "crnn.onnx", "_".join(["crnn", *options]), *options).items():
        image = decode_image(place / "images" / name)
        (expected,) = network(preprocess_word(image, 32, (48, 100, 160)))
        assert list(arrays) == ["log_probs"]
        np.testing.assert_allclose(arrays["log_probs"], expected, rtol=0, atol=1e-3)
        steps.add(len(expected))
    assert len(steps) > 1


@pytest.mark.parametrize("model", ["ctpn.onnx", "crnn.onnx"])
def test_the_whole_application_under_the_sanitizers(openvino_main, sanitized, place, model):
    """OpenVINO itself is in the process; damaged images and networks are among what it is given."""
    checked = sanitized / "tests" / "main_openvino"
    libraries = run("ldd", checked).stdout
    assert all(name in libraries for name in ("libasan", "libubsan", "libopenvino"))
    options = ("--batch_size", "3", "--threads", "2")
    expected = infer(openvino_main, place, model, f"expected_{model}", *options)
    found = infer(checked, place, model, f"checked_{model}", *options)
    for name, arrays in found.items():
        for key, array in arrays.items():
            np.testing.assert_allclose(array, expected[name][key], rtol=0, atol=1e-3)
    damaged = place / f"damaged_{model}"
    damaged.mkdir()
    for name in SIZES:
        data = (place / "images" / name).read_bytes()
        (damaged / name.replace("/", "_")).write_bytes(data)
        (damaged / f"cut_{name.replace('/', '_')}").write_bytes(data[: len(data) * 2 // 3])
    arguments = ("--model_path", model, "--dataset_path", damaged, "--output_dir", "out", "--max_bad_ratio", "1")
    done = run(checked, *arguments, cwd=place)
    assert done.returncode == 0 and done.stderr.count("left out") == done.stderr.count("\n") > 0, done.stderr
    (place / "cut.onnx").write_bytes((place / model).read_bytes()[:5000])
    done = run(checked, "--model_path", "cut.onnx", "--dataset_path", "images", cwd=place)
    assert done.returncode == 1 and "error: model_path: OpenVINO cannot use 'cut.onnx'" in done.stderr


def test_a_fixed_batch(openvino_main, place):
    write_bright_onnx(place / "fixed.onnx", 64, 96, batch=3)
    write_bright_onnx(place / "free.onnx", 64, 96)
    fixed, free = (infer(openvino_main, place, f"{name}.onnx", name) for name in ("fixed", "free"))
    for name in SIZES:
        np.testing.assert_allclose(fixed[name]["score_map"], free[name]["score_map"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (
            "crnn.onnx",
            ("--image_width", "100"),
            "image_width: 100 given, but the network was exported for 48, 100, 160",
        ),
        ("ctpn.onnx", ("--device_target", "Ascend"), "device_target: 'Ascend' is not one of CPU (openvino)"),
        ("broken.onnx", (), "model_path: OpenVINO cannot use 'broken.onnx'"),
    ],
)
def test_what_does_not_fit_is_one_line(openvino_main, place, model, options, words):
    (place / "broken.onnx").write_bytes(b"no network")
    done = run(openvino_main, "--model_path", model, "--dataset_path", "images", *options, cwd=place)
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]  # OpenVINO's reader of ONNX files has its say before
    assert last.startswith("error: ")
    assert words in last
