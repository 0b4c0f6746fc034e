"""Export a checkpoint: python export.py --ckpt_file FILE --file_format MINDIR|AIR|ONNX [--key value ...]"""

from src.model_utils.command import run_command
from src.model_utils.config import load_config, require_path
from src.model_utils.moxing_adapter import modelarts_job, place_outputs
from src.model_utils.prepare_run import describe, prepare_run
from src.weights.card_config import describe_card, with_card


def main() -> None:
    config = load_config()
    with modelarts_job(config):
        config = place_outputs(config)
        checkpoint = require_path(config, "ckpt_file", "file")
        config, taken = with_card(config, checkpoint)
        run = prepare_run(config)
        print(describe(run, config))
        if taken:
            print(describe_card(checkpoint, taken))
        print(f"exporting {checkpoint} as {config.file_format}; it is loaded again and compared, which takes a while")
        if config.network == "crnn":
            from src.export.crnn import export_crnn as export  # noqa: PLC0415 - after prepare_run
        else:
            from src.export.ctpn import export_ctpn as export  # noqa: PLC0415
        export(config, checkpoint, run.device_target)


if __name__ == "__main__":
    run_command(main)
