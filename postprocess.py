"""Score dumped outputs: python postprocess.py --export_dataset_path PICTURES --result_path OUTPUTS [--label_path GT]"""

import json

from src.model_utils.command import run_command
from src.model_utils.config import load_config, require_path


def main() -> None:
    config = load_config()
    require_path(config, "export_dataset_path", "folder")
    require_path(config, "result_path", "folder")
    if config.label_path:
        require_path(config, "label_path")
    from src.inference.postprocess_ctpn import postprocess_ctpn  # noqa: PLC0415 - only once the paths are right

    figures = postprocess_ctpn(config)
    print(f"results are in {config.eval_output_path}")
    for protocol, values in figures.items():
        print(protocol, json.dumps(values))


if __name__ == "__main__":
    run_command(main)
