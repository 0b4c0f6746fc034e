"""Inputs on the command line as shells hand them over: several names where a pattern was written."""

from __future__ import annotations


def split_inputs(argv: list[str], key: str = "image_path") -> tuple[list[str], list[str]]:
    """Take the inputs out of the arguments.

    Inputs are what stands before the first `--key`, and everything from `--image_path` to the next one, so that
    `predict.py photo.jpg` and `predict.py --image_path photos/*.jpg --draw` both work.

    Returns:
        The inputs, and the arguments that remain for `load_config`.
    """
    inputs: list[str] = []
    rest: list[str] = []
    taking = True
    for item in argv:
        if item.startswith("--") or item == "-h":
            name, equals, value = item[2:].partition("=")
            taking = name == key
            if not taking:
                rest.append(item)
            elif equals:
                inputs.append(value)
        elif taking:
            inputs.append(item)
        else:
            rest.append(item)
    return inputs, rest
