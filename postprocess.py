"""Score dumped outputs: python postprocess.py --export_dataset_path DIR --result_path DIR [--label_path GT]"""

from src.model_utils.command import run_command
from src.model_utils.config import load_config, require_path


def main() -> None:
    config = load_config()
    require_path(config, "export_dataset_path", "folder")
    require_path(config, "result_path", "folder")
    if config.label_path:
        require_path(config, "label_path")
    # Only once the paths are right: this takes a second.
    if config.network == "crnn":
        from src.postprocess.crnn import metrics_line, postprocess_crnn  # noqa: PLC0415

        print(metrics_line(postprocess_crnn(config)))
        print(f"results are in {config.eval_output_path}")
        return
    from src.evaluation.detection_table import metrics_line, show_table  # noqa: PLC0415
    from src.postprocess.ctpn import postprocess_ctpn  # noqa: PLC0415

    metrics = postprocess_ctpn(config)
    if metrics:
        show_table({"outputs": metrics})
    print(metrics_line("submit.zip", metrics))
    print(f"results are in {config.eval_output_path}")


if __name__ == "__main__":
    run_command(main)
