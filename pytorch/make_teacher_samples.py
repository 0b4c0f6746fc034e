"""Ask a trained detector what it sees in many augmented images, for a smaller one to learn from.

    python pytorch/make_teacher_samples.py WEIGHTS FOLDER COUNT [--config_path RECIPE] [--key value ...]

Keys are those of recipes/ctpn.yaml: the images, scenes, sizes and changes of a training. One image in eight is a
background without labels, which only the teacher labels. Files that are there are kept, so a command
that was stopped goes on.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()


import numpy as np
import torch

from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_feed import to_device
from pytorch.detection_samples import DetectionMaker, DetectionSample, DetectionTask
from pytorch.detection_sets import make_maker, read_train_sets, read_val_sets
from pytorch.device import autocast, choose_device, prepare, uses_bf16
from pytorch.recipe_options import leading_words
from pytorch.start_weights import trained_ctpn
from pytorch.teacher_samples import find_samples, teacher_sample, write_sample
from src.common.atomic_file import clear_leftovers
from src.common.options import OptionError
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.degradations import to_bytes
from src.model_utils.command import run_command
from src.model_utils.load_options import load_options

BACKGROUND_EVERY = 8


def main() -> int:
    words, options = leading_words(sys.argv[1:], __doc__, "make_teacher_samples.py", "WEIGHTS", "FOLDER", "COUNT")
    file, folder = words[0], Path(words[1])
    if not words[2].isdecimal() or not (count := int(words[2][:9])):
        raise OptionError(f"COUNT: '{words[2]}' is not a whole number of at least 1")
    config = load_options(CtpnRecipe, options)
    device = choose_device(config.device)
    prepare(device)
    bf16 = uses_bf16(config.precision, device)
    teacher = trained_ctpn(file, config, device, bf16)
    validation = [image for images in read_val_sets(config).values() for image in images]
    maker = make_maker(config, read_train_sets(config, validation))
    backgrounds = Backgrounds(config.backgrounds)
    folder.mkdir(parents=True, exist_ok=True)
    clear_leftovers(folder)
    for number in sorted(set(range(count)) - set(find_samples(folder))):
        sample = make_sample(maker, backgrounds, number)
        with torch.inference_mode(), autocast(device, bf16):
            maps = teacher(to_device([sample], device).images)
        made = teacher_sample(sample, *(map_[0].float().cpu().numpy() for map_ in maps))
        height, width = sample.image.shape[:2]
        write_sample(folder / f"{number:06d}_{height}x{width}.npz", made)
        if number % 50 == 0:
            print(f"{number + 1} of {count}", flush=True)
    return 0


def make_sample(maker: DetectionMaker, backgrounds: Backgrounds, number: int) -> DetectionSample:
    """Sample `number` of a training, or a background in its place, whose labels are all ignored (-1)."""
    sample = maker(DetectionTask(0, number, 1))[0]
    if number % BACKGROUND_EVERY:
        return sample
    rng = np.random.default_rng([maker.seed, 5, number])
    image = to_bytes(backgrounds.image(rng, *sample.image.shape[:2]))
    nothing = np.zeros((0, 4), np.float32)
    return DetectionSample(image, np.full_like(sample.labels, -1), np.zeros(0, np.int32), nothing, nothing)


if __name__ == "__main__":
    run_command(main)
