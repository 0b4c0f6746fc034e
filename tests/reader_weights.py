"""Random weights of both networks by name, shapes written out, without MindSpore; and images to read."""

import io
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from src.common.atomic_file import write_atomically
from src.weights.mindspore_ckpt import encode

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
LINES = ("Hello World", "Two words", "read me now")


def scaled(channels, width):
    return max(8, round(channels * width / 8) * 8)


def filled(shapes):
    params = {}
    for name, shape in shapes.items():
        x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
        if name.endswith("gamma"):
            x = 1 + 0.1 * x
        elif name.endswith("moving_variance"):
            x = 1 + 0.1 * np.abs(x)
        else:
            x = 0.1 * x if len(shape) == 1 else x * np.sqrt(2 / np.prod(shape[1:]))
        params[name] = x.astype(np.float32)
    return params


def ctpn_params(width=0.125, anchors=14):
    shapes, inputs = {}, 3
    for stage, sizes in enumerate(STAGES, start=1):
        for index, size in enumerate((scaled(size, width) for size in sizes), start=1):
            name = f"vgg16_feature_extractor.conv{stage}_{index}"
            shapes[f"{name}.0.weight"] = (size, inputs, 3, 3)
            for part in ("gamma", "beta", "moving_mean", "moving_variance"):
                shapes[f"{name}.1.{part}"] = (size,)
            inputs = size
    channels, hidden = scaled(512, width), scaled(128, width)
    shapes["conv.weight"] = (channels, inputs, 3, 3)
    for direction in ("", "_reverse"):
        shapes[f"rnn2.weight_ih_l0{direction}"] = (4 * hidden, channels)
        shapes[f"rnn2.weight_hh_l0{direction}"] = (4 * hidden, hidden)
        shapes[f"rnn2.bias_ih_l0{direction}"] = shapes[f"rnn2.bias_hh_l0{direction}"] = (4 * hidden,)
    heads = {"rpn_cls": (2 * anchors, channels), "rpn_reg": (4 * anchors, channels)}
    heads["lstm_fc"] = (channels, 2 * hidden)
    for layer, shape in heads.items():
        shapes[f"rpn_with_loss.rpn_convs_list.{layer}.weight"] = shape
        shapes[f"rpn_with_loss.rpn_convs_list.{layer}.bias"] = shape[:1]
    return filled(shapes)


def crnn_params(classes=37, width=0.125):
    channels = [1, *(scaled(size, width) for size in (64, 128, 256, 256, 512, 512, 512))]
    hidden = scaled(256, width)
    shapes = {}
    for i in range(7):
        kernel = 2 if i == 6 else 3
        shapes[f"cnn.conv{i}.weight"] = (channels[i + 1], channels[i], kernel, kernel)
        if i in (2, 4, 6):
            for part in ("gamma", "beta", "moving_mean", "moving_variance"):
                shapes[f"cnn.batchnorm{i}.{part}"] = (channels[i + 1],)
        else:
            shapes[f"cnn.conv{i}.bias"] = (channels[i + 1],)
    for layer, (inputs, outputs) in enumerate([(channels[7], hidden), (hidden, classes)]):
        for direction in ("", "_reverse"):
            shapes[f"rnn.{layer}.rnn.weight_ih_l0{direction}"] = (4 * hidden, inputs)
            shapes[f"rnn.{layer}.rnn.weight_hh_l0{direction}"] = (4 * hidden, hidden)
            for part in ("bias_ih", "bias_hh"):
                shapes[f"rnn.{layer}.rnn.{part}_l0{direction}"] = (4 * hidden,)
        shapes[f"rnn.{layer}.embedding.weight"] = (outputs, 2 * hidden)
        shapes[f"rnn.{layer}.embedding.bias"] = (outputs,)
    return filled(shapes)


def write_weights(folder):
    """ctpn.ckpt, crnn.ckpt (36 characters) and crnn_lines.ckpt (95) in `folder`, narrow ones."""
    for name, params in (
        ("ctpn", ctpn_params()),
        ("crnn", crnn_params(37)),
        ("crnn_lines", crnn_params(96)),
    ):
        write_atomically(folder / f"{name}.ckpt", encode(params))
    return folder


def text_image(lines=LINES, size=(320, 200)):
    """Black lines of text on white, (H, W, 3) uint8."""
    image = Image.new("RGB", size, "white")
    for row, text in enumerate(lines):
        place = (20, 20 + row * 55)
        ImageDraw.Draw(image).text(place, text, fill="black", font=ImageFont.load_default(32))
    return np.asarray(image).copy()


def encoded(pixels, kind="PNG", **options):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind, **options)
    return data.getvalue()
