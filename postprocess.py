"""Score dumped outputs: python postprocess.py --export_dataset_path DIR --result_path DIR [--label_path GT]"""

from src.model_utils.command import run_command
from src.model_utils.config import load_config, require_path
from src.model_utils.network_spec import spec_of


def main() -> None:
    config = load_config()
    require_path(config, "export_dataset_path", "folder")
    require_path(config, "result_path", "folder")
    if config.label_path:
        require_path(config, "label_path")
    print(spec_of(config).postprocess(config))
    print(f"results are in {config.eval_output_path}")


if __name__ == "__main__":
    run_command(main)
