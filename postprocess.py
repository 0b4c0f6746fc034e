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
        from src.postprocess.crnn import figures_line, postprocess_crnn  # noqa: PLC0415

        print(figures_line(postprocess_crnn(config)))
        print(f"results are in {config.eval_output_path}")
        return
    from src.evaluation.detection_table import figures_line, show_table  # noqa: PLC0415
    from src.postprocess.ctpn import postprocess_ctpn  # noqa: PLC0415

    figures = postprocess_ctpn(config)
    if figures:
        show_table({"outputs": figures})
    print(figures_line("submit.zip", figures))
    print(f"results are in {config.eval_output_path}")


if __name__ == "__main__":
    run_command(main)
