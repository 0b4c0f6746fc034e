"""Export a checkpoint: python export.py --ckpt_file FILE --file_format MINDIR|AIR|ONNX [--key value ...]"""

from pathlib import Path

from src.model_utils.command import run_command
from src.model_utils.config import load_config, require_path
from src.model_utils.job_signals import interrupts_reach_python
from src.model_utils.moxing_adapter import modelarts_job, place_outputs
from src.model_utils.network_spec import spec_of
from src.model_utils.prepare_run import describe, prepare_run
from src.weights.card_config import describe_card, with_card
from src.weights.network_weights import network_of


def main() -> None:
    config = load_config()
    network = network_of(Path(config.ckpt_file))
    if network not in ("", config.network) and "network" not in config.given:
        print(f"network {network}, which {config.ckpt_file} is of")
        config = load_config(network=network)
    with modelarts_job(config):
        config = place_outputs(config)
        checkpoint = require_path(config, "ckpt_file", "file")
        config, taken = with_card(config, config.network, checkpoint)
        run = prepare_run(config)
        print(describe(run, config))
        if taken:
            print(describe_card(checkpoint, taken))
        if config.file_format != "AIR":  # which nothing here can load
            print(f"exporting {checkpoint} as {config.file_format}; loading it again to compare takes a while")
        spec_of(config).export(config, checkpoint, run.device_target)


if __name__ == "__main__":
    interrupts_reach_python()
    run_command(main)
