"""Score dumped outputs: python postprocess.py --export_dataset_path DIR --result_path DIR [--label_path GT]"""

from pathlib import Path

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.model_utils.command import run_command
from src.model_utils.config import load_config, require_path
from src.model_utils.network_spec import spec_of
from src.weights.card_config import apply_card, describe_taken
from src.weights.exported_card import outputs_card


def main() -> None:
    config = load_config()
    require_path(config, "export_dataset_path", "folder")
    require_path(config, "result_path", "folder")
    if config.label_path:
        require_path(config, "label_path")
    # The options of the network that wrote the outputs, where its file has them.
    card, name = outputs_card(Path(config.result_path))
    if card is not None:
        config, taken = apply_card(config, config.network, card, Path(name))
        if taken:
            print(describe_taken(name, taken))
    print(spec_of(config).postprocess(config))
    print(f"results are in {config.eval_output_path}")


if __name__ == "__main__":
    run_command(main)
