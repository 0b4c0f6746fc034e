"""Training samples of the detector, made in worker processes from real images and rendered scenes.

H W input height and width, N anchors of an input, n of them that regress a box. Without PyTorch.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pytorch.detection_images import AnnotatedImage
from src.common.boxes import size_of
from src.data.detection.text_strips import TextStrips, join_words
from src.data.synthesis.documents import DocumentSource
from src.data.synthesis.scenes import SceneSource
from src.training.ctpn_samples import SampleMaker

_SQUARE = 1.1  # sides that differ by less make an image neither upright nor level
NPZ_DAMAGES = (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile)  # raised for a damaged .npz
_ANY_SIZE = 0.25  # share of images that may be turned from upright to level inputs, squeezed, or the other way
_RING = 16  # rendered scenes that a worker keeps to draw from


class DetectionSample(NamedTuple):
    """image uint8 (h, w, 3), at most (H, W); labels int8 (N,); anchors int32 (n,), the places of targets and
    weights float32 (n, 4)."""

    image: np.ndarray
    labels: np.ndarray
    anchors: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "DetectionSample":
        """What a `.npz` file keeps under the names of the fields; raises some of NPZ_DAMAGES for a damaged one."""
        return cls(**{name: arrays[name] for name in cls._fields})


@dataclass(frozen=True)
class Stage:
    """One part of a training: how often scenes are rendered ones, and how often each set of images is drawn.

    Attributes:
        makers: one for each size of the network's input; upright images get upright inputs where there are any.
    """

    makers: Sequence[SampleMaker]
    scene_share: float
    set_weights: Sequence[float]


@dataclass(frozen=True)
class DetectionTask:
    """Samples first .. first + count - 1 of a stage."""

    stage: int
    first: int
    count: int


@dataclass(frozen=True)
class DetectionMaker:
    """Makes samples; plain data, so that it can be sent to a process, which then keeps some scenes.

    Attributes:
        scene_reuse: how often a rendered scene is drawn before a new one takes its place, on average: drawing one
            takes several times as long as changing one.
        join_words: see `text_strips.join_words`; for scenes only, images come
            with their strips.
    """

    sets: Sequence[Sequence[AnnotatedImage]]
    scenes: Sequence[SceneSource | DocumentSource]
    stages: Sequence[Stage]
    scene_reuse: float
    seed: int
    join_words: bool = False
    _ring: list[tuple] = field(default_factory=list, repr=False)

    def __call__(self, task: DetectionTask) -> list[DetectionSample]:
        numbers = range(task.first, task.first + task.count)
        return [self._sample(self.stages[task.stage], number) for number in numbers]

    def _sample(self, stage: Stage, number: int) -> DetectionSample:
        rng = np.random.default_rng([self.seed, number])
        if self.scenes and rng.random() < stage.scene_share:
            annotated = self._scene(number, rng)
        else:
            weights = np.asarray(stage.set_weights, np.float64)
            chosen = self.sets[int(rng.choice(len(self.sets), p=weights / weights.sum()))]
            entry = chosen[int(rng.integers(len(chosen)))]
            annotated = (entry.decode(), entry.strips)
        image, strips = annotated
        maker = _maker_for(size_of(image), stage.makers, rng)
        image, labels, targets, weights = maker.changed(image, strips.boxes, strips.ignored, rng, strips.tilts)
        anchors = np.flatnonzero(weights.any(axis=1)).astype(np.int32)
        return DetectionSample(image, labels.astype(np.int8), anchors, targets[anchors], weights[anchors])

    def _scene(self, number: int, rng: np.random.Generator) -> tuple[np.ndarray, TextStrips]:
        """A scene of the ring: scene `number` while the ring is not full, and a new one now and then after that."""
        full = len(self._ring) >= _RING
        if full and rng.random() >= 1 / self.scene_reuse:
            return self._ring[int(rng.integers(len(self._ring)))]
        scene = self.scenes[number % len(self.scenes)].sample(number)
        boxes = np.array([box for box, _ in scene.words], np.float32).reshape(-1, 4)
        words = TextStrips(boxes, np.zeros(len(boxes), np.float32), np.zeros(len(boxes), bool))
        made = (scene.image, join_words(words) if self.join_words else words)
        if full:
            self._ring[int(rng.integers(_RING))] = made
        else:
            self._ring.append(made)
        return made

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_ring": []}


def _maker_for(size: tuple[int, int], makers: Sequence[SampleMaker], rng: np.random.Generator) -> SampleMaker:
    """At random one whose input is upright as the image is; now and then, or for a square image, any of all.

    A network that was given upright inputs for upright images only would not know what eval.py shows it, which
    squeezes every image into one size.
    """
    if len(makers) == 1:
        return makers[0]
    height, width = size
    fitting = [maker for maker in makers if (maker.image_size[0] > maker.image_size[1]) == (height > width)]
    square = max(height, width) < _SQUARE * min(height, width)
    if not fitting or square or rng.random() < _ANY_SIZE:
        fitting = list(makers)
    return fitting[int(rng.integers(len(fitting)))]
