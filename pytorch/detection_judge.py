"""The validation images of a detector, judged as eval.py judges them.

What frozen layers say of an image never changes: with a cache it is computed once and kept, which makes judging ten
times as fast.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pytorch.ctpn import Ctpn
from pytorch.detection_images import AnnotatedImage, evaluation_batches
from pytorch.device import autocast
from pytorch.feature_cache import check_key, layers_key
from src.common.atomic_file import replacing
from src.ctpn.text_lines import DetectOptions
from src.evaluation.detection import evaluate_detection
from src.model_utils.config import Config
from src.text_connector.detector import ConnectorParams


class DetectionJudge:
    """Metrics of a network on the sets of validation images.

    cache: folder for the output of the layers up to `config.freeze_until`; None computes all of it every time.
    """

    def __init__(
        self,
        config: Config,
        sets: dict[str, list[AnnotatedImage]],
        device: torch.device,
        bf16: bool,
        cache: Path | None = None,
    ):
        self._config, self._sets, self._device, self._bf16, self._cache = config, sets, device, bf16, cache
        self._shape = (config.img_height, config.img_width)

    def __call__(self, network: Ctpn) -> tuple[float, dict[str, float]]:
        """(mean DetEval hmean of the sets, metrics)."""
        metrics: dict[str, float] = {}
        scores = []
        for name, images in self._sets.items():
            found = self._evaluate(network, name, images)
            prefix = "" if len(self._sets) == 1 else f"{name} "
            metrics |= {f"{prefix}{key}": round(value, 4) for key, value in found.items()}
            scores.append(found["hmean"])
        return float(np.mean(scores)), metrics

    def _evaluate(self, network: Ctpn, name: str, images: list[AnnotatedImage]) -> dict[str, float]:
        config = self._config
        connector = ConnectorParams(
            text_proposals_min_scores=config.text_proposals_min_scores,
            line_min_score=config.line_min_score,
            side_refinement=config.side_refinement,
        )
        options = DetectOptions(image_shape=self._shape, side_refinement=config.side_refinement, connector=connector)
        layer = "" if self._cache is None else config.freeze_until

        def predict(inputs: np.ndarray) -> tuple[np.ndarray, ...]:
            with torch.inference_mode(), autocast(self._device, self._bf16):
                maps = network.from_features(layer, self._to_device(inputs))
            return tuple(map_.float().cpu().numpy() for map_ in maps)

        batches = evaluation_batches(images, config.test_batch_size, self._shape, keep_ratio=False)
        if layer:
            batches = self._cached_batches(network, name, images)
        result = evaluate_detection(predict, batches, config.test_batch_size, options)
        return result.metrics()["deteval"]

    def _cached_batches(self, network: Ctpn, name: str, images: list[AnnotatedImage]) -> Iterator[dict]:
        """Batches with features in the place of images."""
        folder = self._cache / name
        folder.mkdir(parents=True, exist_ok=True)
        check_key(folder, layers_key(network, self._config.freeze_until))
        for number, image in enumerate(images):
            file = folder / f"{Path(image.name).stem}_{self._shape[0]}x{self._shape[1]}.npy"
            if not file.exists():
                (batch,) = evaluation_batches([image], 1, self._shape, keep_ratio=False)
                with torch.inference_mode(), autocast(self._device, self._bf16):
                    features = network.vgg16_feature_extractor.until(
                        self._config.freeze_until, self._to_device(batch["images"])
                    )
                with replacing(file, sync=False) as out:
                    np.save(out, features.float().cpu().numpy().astype(np.float16))
            yield {
                "images": np.load(file).astype(np.float32), "indices": [number], "file_names": [image.name],
                "sizes": np.array([image.size], np.int32), "boxes": [image.boxes], "ignored": [image.ignored],
            }  # fmt: skip

    def _to_device(self, inputs: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(inputs).to(self._device, memory_format=torch.channels_last)
