"""The training words that a configuration asks for."""

from collections.abc import Sequence

from src.common.options import OptionError
from src.crnn.alphabet import Alphabet
from src.crnn.topology import IMAGE_HEIGHT, time_steps
from src.data.loading.staged_data import StagedData
from src.data.recognition.dataset import CrnnTrainData
from src.data.recognition.options import WordAugment
from src.data.recognition.sources import mix_sources, open_lmdbs, rendered_words
from src.data.synthesis.lexicon import LONGEST_WORD
from src.data.synthesis.words import WordSource
from src.training.crnn_options import CrnnTraining

WordData = CrnnTrainData | StagedData


def training_data(config: CrnnTraining, alphabet: Alphabet, rank_id: int, rank_size: int) -> WordData:
    """The words of this rank: `flat_start_epochs` of short ones, `narrow_epochs` of narrow ones, then all.

    Raises:
        UserError: an LMDB, folder or file that is missing or cannot be used, or widths that are not accepted.
    """
    stored = []
    if config.synthetic_weight < 1:
        stored = list(open_lmdbs(config.train_lmdb, config.lmdb_root).values())
    if not stored and not config.samples_per_epoch:
        raise OptionError("samples_per_epoch: is 0, but rendered words have no end; give a number")
    widths = config.image_width
    later_widths = (*widths, config.narrow_width) if config.narrow_epochs else widths
    if config.flat_start_epochs and config.flat_start_width in later_widths:
        raise OptionError(f"flat_start_width: {config.flat_start_width} must differ from the widths of other epochs")
    augment = WordAugment.part_of(config)

    def words(widths: Sequence[int], samples: int | None, longest: int | None = None) -> CrnnTrainData:
        rendered: list[tuple[WordSource, float]] = []
        if config.synthetic_weight > 0:
            rendered = rendered_words(
                config.fonts,
                config.backgrounds,
                config.lexicon,
                alphabet.characters,
                config.seed,
                max_words=1 if longest else config.rendered_max_words,
                height=IMAGE_HEIGHT,
                widths=widths,
                max_length=longest or LONGEST_WORD,
            )
        return CrnnTrainData(
            mix_sources(stored, config.train_weight, rendered, config.synthetic_weight),
            characters=alphabet.characters,
            encode=alphabet.encode,
            time_steps=lambda width: min(time_steps(width), longest or width),
            batch_size=config.batch_size,
            height=IMAGE_HEIGHT,
            widths=widths,
            label_policy=config.label_policy,
            augment=augment,
            samples_per_epoch=samples,
            seed=config.seed,
            rank_id=rank_id,
            rank_size=rank_size,
            num_workers=config.loader_workers,
            max_bad_ratio=config.max_bad_ratio,
        )

    data: WordData = words(widths, config.samples_per_epoch or None)
    samples = data.steps_per_epoch * data.batch_size * rank_size
    if config.narrow_epochs:
        narrow = words([config.narrow_width], samples)
        data = StagedData(narrow, config.flat_start_epochs + config.narrow_epochs, data)
    if config.flat_start_epochs:
        short = words([config.flat_start_width], samples, longest=config.flat_start_length)
        data = StagedData(short, config.flat_start_epochs, data)
    return data
