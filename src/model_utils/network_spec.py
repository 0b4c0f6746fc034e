"""What each network does for the commands, in one place.

Everything below is imported when it is called: MindSpore reads its settings from the environment that `prepare_run`
makes, and post-processing runs without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from src.model_utils.network_config import CrnnConfig, CtpnConfig, NetworkConfig

ConfigT = TypeVar("ConfigT", bound=NetworkConfig)


@dataclass(frozen=True)
class NetworkSpec(Generic[ConfigT]):
    """The work of one network.

    Attributes:
        train: (configuration, rank, number of ranks) -> exit code.
        evaluate: the checkpoints of the configuration; prints and writes the results.
        export: (configuration, checkpoint, device target); writes the files.
        postprocess: scores outputs of the C++ application; returns a line with the result.
    """

    train: Callable[[ConfigT, int, int], int]
    evaluate: Callable[[ConfigT], object]
    export: Callable[[ConfigT, Path, str], object]
    postprocess: Callable[[ConfigT], str]


def spec_of(config: NetworkConfig) -> NetworkSpec[Any]:
    """That of the network that the configuration is for."""
    return _SPECS[config.network]


def _train_ctpn(config: CtpnConfig, rank_id: int, rank_size: int) -> int:
    from src.evaluation.ctpn import evaluate_in_training  # noqa: PLC0415
    from src.training.train_ctpn import train_ctpn  # noqa: PLC0415

    evaluate = partial(evaluate_in_training, config, Path(config.save_checkpoint_path) / "eval_pictures")
    return train_ctpn(config, rank_id, rank_size, evaluate).exit_code


def _train_crnn(config: CrnnConfig, rank_id: int, rank_size: int) -> int:
    from src.evaluation.crnn import evaluate_in_training  # noqa: PLC0415
    from src.training.train_crnn import train_crnn  # noqa: PLC0415

    return train_crnn(config, rank_id, rank_size, partial(evaluate_in_training, config)).exit_code


def _evaluate_ctpn(config: CtpnConfig) -> object:
    from src.evaluation.ctpn import evaluate_ctpn  # noqa: PLC0415

    return evaluate_ctpn(config)


def _evaluate_crnn(config: CrnnConfig) -> object:
    from src.evaluation.crnn import evaluate_crnn  # noqa: PLC0415

    return evaluate_crnn(config)


def _export_ctpn(config: CtpnConfig, checkpoint: Path, device_target: str) -> object:
    from src.export.ctpn import export_ctpn  # noqa: PLC0415

    return export_ctpn(config, checkpoint, device_target)


def _export_crnn(config: CrnnConfig, checkpoint: Path, device_target: str) -> object:
    from src.export.crnn import export_crnn  # noqa: PLC0415

    return export_crnn(config, checkpoint, device_target)


def _postprocess_ctpn(config: CtpnConfig) -> str:
    from src.evaluation.tables import metrics_line, show_table  # noqa: PLC0415
    from src.postprocess.ctpn import postprocess_ctpn  # noqa: PLC0415

    metrics = postprocess_ctpn(config)
    if metrics:
        show_table({"outputs": metrics})
    return metrics_line("submit.zip", metrics)


def _postprocess_crnn(config: CrnnConfig) -> str:
    from src.postprocess.crnn import metrics_line, postprocess_crnn  # noqa: PLC0415

    return metrics_line(postprocess_crnn(config))


_SPECS: dict[str, NetworkSpec[Any]] = {
    "ctpn": NetworkSpec(_train_ctpn, _evaluate_ctpn, _export_ctpn, _postprocess_ctpn),
    "crnn": NetworkSpec(_train_crnn, _evaluate_crnn, _export_crnn, _postprocess_crnn),
}
