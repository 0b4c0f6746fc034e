"""Network outputs as files, as an inference application writes them for post-processing."""

import json
from pathlib import Path

import numpy as np


def write_outputs(folder: Path, image: str, size: tuple[int, int], arrays: dict[str, np.ndarray]) -> Path:
    """Write the outputs for the image named `image`, of `size` (height, width), and return the JSON file."""
    target = folder / image
    target.parent.mkdir(parents=True, exist_ok=True)
    outputs = []
    for number, (name, array) in enumerate(arrays.items()):
        file = target.with_name(f"{target.name}_{number}.bin")
        file.write_bytes(array.astype(array.dtype.newbyteorder("<")).tobytes(order="C"))
        outputs.append({"file": file.name, "name": name, "dtype": array.dtype.name, "shape": list(array.shape)})
    path = target.with_name(f"{target.name}.json")
    header = {"image": image, "width": size[1], "height": size[0], "outputs": outputs}
    path.write_text(json.dumps(header, indent=1), encoding="utf-8")
    return path
