"""What post-processing must know of an exported network, as a model card that travels with the file.

An ONNX file has it in its metadata under `card`; a MINDIR or AIR file `net.mindir` has `net.mindir.json` beside it.
The C++ application leaves a copy with its outputs, `network.card.json`, so that whoever scores them need not have
the file.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from src.ctpn.text_lines import DetectOptions
from src.weights.card import CARD_VERSION, CardError, load_card

CARD_NOTE = "card"
CARD_OF_OUTPUTS = "network.card.json"


def detector_card(options: DetectOptions) -> dict[str, object]:
    """The card of an exported detector."""
    connector = options.connector.model_dump()
    del connector["side_refinement"]
    return {
        "version": CARD_VERSION,
        "network": "ctpn",
        "image_size": list(options.image_size),
        "keep_ratio": options.keep_ratio,
        "anchor_heights": list(options.anchor_heights),
        "side_refinement": options.side_refinement,
        "connector": connector,
        "proposals": {
            "rpn_nms_pre": options.nms_pre,
            "rpn_nms_thr": options.nms_threshold,
            "rpn_max_num": options.max_num,
        },
    }


def recognizer_card(characters: str, widths: Sequence[int]) -> dict[str, object]:
    """The card of an exported recognizer."""
    return {"version": CARD_VERSION, "network": "crnn", "characters": characters, "widths": list(widths)}


def card_text(card: Mapping[str, object]) -> str:
    return json.dumps(card, ensure_ascii=False)


def beside(model: Path) -> Path:
    """Where the card of an exported file is that cannot hold it."""
    return model.with_name(f"{model.name}.json")


def exported_card(model: Path) -> tuple[object, str]:
    """The card of an exported file and what to call it; (None, "") for a file without one.

    Raises:
        CardError: it is no JSON, or the ONNX file cannot be read.
    """
    if model.suffix.lower() == ".onnx":
        import onnx  # noqa: PLC0415 - takes a second, and other files need none
        from google.protobuf.message import DecodeError  # noqa: PLC0415

        try:
            notes = {
                entry.key: entry.value for entry in onnx.load(str(model), load_external_data=False).metadata_props
            }
        except (DecodeError, OSError) as error:
            raise CardError(f"{model}: not an ONNX file ({error})") from None
        if CARD_NOTE not in notes:
            return None, ""
        try:
            return json.loads(notes[CARD_NOTE]), f"the card in {model}"
        except ValueError as error:
            raise CardError(f"{model}: the card in its metadata is no JSON ({error})") from None
    return _card_file(beside(model))


def outputs_card(folder: Path) -> tuple[object, str]:
    """The card of the network that wrote the outputs in `folder`, as `exported_card`."""
    return _card_file(folder / CARD_OF_OUTPUTS)


def _card_file(path: Path) -> tuple[object, str]:
    return (load_card(path), str(path)) if path.is_file() else (None, "")
