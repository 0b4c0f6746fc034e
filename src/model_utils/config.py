"""The configuration of the network that a command is about."""

import sys
from collections.abc import Sequence
from pathlib import Path

from src.common.options import OptionError, Options
from src.model_utils.config_file import REPOSITORY
from src.model_utils.load_options import build_config, read_given
from src.model_utils.network_config import NETWORKS, CrnnConfig, CtpnConfig

# Paths of what a command reads, where its results do not go.
_INPUT_KEYS = {
    "pretraining_dataset_file",
    "finetune_dataset_file",
    "dataset_path",
    "eval_dataset_path",
    "checkpoint_path",
    "ckpt_file",
    "lmdb_root",
    "img_dir",
    "image_path",
}


def load_config(argv: Sequence[str] | None = None, network: str = "ctpn") -> CtpnConfig | CrnnConfig:
    """The configuration of the network that `--network`, or else the file of `--config_path`, names.

    Args:
        argv: the arguments after the program's name; None takes those of this process.
        network: the one to take when nothing names another.

    Raises:
        OptionError: in one line: the key, the value and what is accepted.
        SystemExit: 0, after printing the help, when `--help` is asked for.
    """
    given = read_given(sys.argv[1:] if argv is None else argv)
    named = given.arguments.get("network") or given.values.get("network", network)
    if not isinstance(named, str) or named not in NETWORKS:
        raise OptionError(f"network: '{named}' is not one of {', '.join(NETWORKS)}")
    return _from_repository(build_config(NETWORKS[named], given))


def _from_repository(config: CtpnConfig | CrnnConfig) -> CtpnConfig | CrnnConfig:
    """`config` with the repository's files for default paths of inputs that are not where the user stands."""
    found = {}
    for key in _INPUT_KEYS & type(config).model_fields.keys() - config.given:
        value = getattr(config, key)
        # A MindRecord may be named without the number of its first file.
        there = [(folder / f"{value}{number}").exists() for folder in (Path(), REPOSITORY) for number in ("", "0")]
        if value and not any(there[:2]) and any(there[2:]):
            found[key] = str(REPOSITORY / value)
    return config.replace(**found) if found else config


def require_path(options: Options, key: str, kind: str = "path") -> Path:
    """The path under `key`, which must exist.

    Args:
        kind: `file`, `folder` or `path` (either).

    Raises:
        OptionError: empty, missing, or of the other kind.
    """
    value = getattr(options, key)
    if not value:
        raise OptionError(f"{key}: is empty; give a {kind} with --{key}")
    path = Path(value)
    exists = {"file": path.is_file, "folder": path.is_dir, "path": path.exists}[kind]()
    if not exists:
        hint = "" if path.is_absolute() else f" (from {Path.cwd()})"
        raise OptionError(f"{key}: '{value}' is not an existing {kind}{hint}")
    return path
