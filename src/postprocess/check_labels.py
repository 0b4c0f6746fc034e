"""Whether the labels fit the images, before an application is built and run for them."""

from pathlib import Path

from src.common.errors import UserError
from src.data.images.decode import image_files
from src.metrics.submission import label_keys, read_ground_truth, submission_names
from src.postprocess.crnn import read_labels


def check_labels(network: str, images: Path, label_path: str) -> None:
    """Read all labels and look for that of every image; nothing where `label_path` is empty.

    Raises:
        UserError: no image, an unreadable label, or an image without one.
    """
    if not label_path:
        return
    names = sorted(path.relative_to(images).as_posix() for path in image_files(images))
    if not names:
        raise UserError(f"export_dataset_path: no image in '{images}'")
    if network == "crnn":
        words = read_labels(Path(label_path), images)
        missing = [f"label for '{name}'" for name in names if name not in words]
    else:
        boxes = read_ground_truth(label_path)
        keys = label_keys(submission_names(names))
        missing = [f"gt_{key}.txt for '{name}'" for name, key in keys.items() if key not in boxes]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise UserError(f"label_path: no {missing[0]} in '{label_path}'{more}")
