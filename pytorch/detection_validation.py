"""The validation images of a detector, evaluated as eval.py evaluates them.

The output of frozen layers for an image never changes: with a cache it is computed once and kept, which makes an
evaluation ten times as fast.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from pytorch.ctpn import Ctpn
from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_images import AnnotatedImage
from pytorch.device import autocast
from pytorch.feature_cache import check_key, layers_key
from src.common.atomic_file import replacing
from src.common.progress_bar import progress_bar
from src.ctpn.text_lines import DetectOptions, lines_from_maps
from src.data.detection.preprocess import preprocess
from src.data.detection.set_plan import file_digest
from src.metrics.detection_result import GroundTruth
from src.metrics.deteval import deteval
from src.metrics.submission import to_pixels
from src.text_connector.options import ConnectorParams


class DetectionValidation:
    """Metrics of a network on the sets of validation images.

    cache: folder for the output of the layers up to `config.freeze_until`; None computes all of it every time.
    shows: whether a bar on standard error shows how far it is.
    """

    def __init__(
        self,
        config: CtpnRecipe,
        sets: dict[str, list[AnnotatedImage]],
        device: torch.device,
        bf16: bool,
        cache: Path | None = None,
        *,
        shows: bool = False,
    ):
        self.sets, self._device, self._bf16, self._shows = sets, device, bf16, shows
        self._layer = config.freeze_until
        self._cache = cache if self._layer else None
        connector = ConnectorParams(
            text_proposals_min_scores=config.text_proposals_min_scores,
            line_min_score=config.line_min_score,
            side_refinement=config.side_refinement,
        )
        shape = (config.img_height, config.img_width)
        self.options = DetectOptions(image_size=shape, side_refinement=config.side_refinement, connector=connector)

    def __call__(self, network: Ctpn) -> tuple[float, dict[str, float]]:
        """(mean DetEval hmean of the sets, metrics)."""
        metrics: dict[str, float] = {}
        scores = []
        for name in self.sets:
            found = self.evaluate(network, name)
            prefix = "" if len(self.sets) == 1 else f"{name} "
            metrics |= {f"{prefix}{key}": round(value, 4) for key, value in found.items()}
            scores.append(found["hmean"])
        return float(np.mean(scores)), metrics

    def evaluate(self, network: Ctpn, name: str) -> dict[str, float]:
        """DetEval metrics of one set."""
        images = self.sets[name]
        truths = {image.name: GroundTruth(image.boxes, image.ignored) for image in images}
        found = {
            image.name: to_pixels(lines_from_maps(scores, deltas, np.array([image.size]), self.options)[0].boxes)
            for image, (scores, deltas) in zip(images, self.maps(network, name), strict=True)
        }
        return deteval(truths, found).metrics()

    def maps(self, network: Ctpn, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Score and delta map (1, ., H, W) of each image of a set, in order."""
        if self._cache:
            folder = self._cache / name
            folder.mkdir(parents=True, exist_ok=True)
            check_key(folder, layers_key(network, self._layer))
        with progress_bar(Console(stderr=True), shown=self._shows) as bar:
            for image in bar.track(self.sets[name], description=name):
                with torch.inference_mode(), autocast(self._device, self._bf16):
                    if self._cache:
                        maps = network.from_features(self._layer, self._features(network, self._cache / name, image))
                    else:
                        maps = network(self._input(image))
                score_map, delta_map = (map_.float().cpu().numpy() for map_ in maps)
                yield score_map, delta_map

    def _features(self, network: Ctpn, folder: Path, image: AnnotatedImage) -> torch.Tensor:
        """The output of the frozen layers for an image, from the cache in `folder` where it is there."""
        rows, columns = self.options.image_size
        # Of an image's name another image may come to stand there.
        file = folder / f"{file_digest(image.path)}_{rows}x{columns}.npy"
        with suppress(OSError, ValueError, EOFError):  # not there, or damaged
            return self._to_device(np.load(file).astype(np.float32))
        features = network.vgg16_feature_extractor.until(self._layer, self._input(image))
        stored = features.float().cpu().numpy().astype(np.float16)
        with replacing(file, sync=False) as out:
            np.save(out, stored)
        return self._to_device(stored.astype(np.float32))

    def _input(self, image: AnnotatedImage) -> torch.Tensor:
        return self._to_device(preprocess(image.decode(), self.options.image_size)[0][None])

    def _to_device(self, inputs: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(inputs).to(self._device, memory_format=torch.channels_last)
