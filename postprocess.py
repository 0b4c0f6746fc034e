"""Score dumped outputs: python postprocess.py --export_dataset_path DIR --result_path DIR [--label_path GT]"""

from pathlib import Path

from src.model_utils.command import run_command
<<<<<<< HEAD
from src.model_utils.config import load_config, require_path
from src.model_utils.network_spec import spec_of
=======
from src.model_utils.config import Config, load_config, require_path
from src.weights.card_config import describe_taken, lay_card
from src.weights.exported_card import outputs_card
>>>>>>> f37f910 (What post-processing must know travels with an export: card in ONNX, JSON beside MINDIR, dx for side refinement; tolerances are relative to the largest output)


def main() -> None:
    config = load_config()
    require_path(config, "export_dataset_path", "folder")
    require_path(config, "result_path", "folder")
    if config.label_path:
        require_path(config, "label_path")
<<<<<<< HEAD
    print(spec_of(config).postprocess(config))
=======
    config, characters = with_outputs_card(config)
    # Only once the paths are right: this takes a second.
    if config.network == "crnn":
        from src.postprocess.crnn import metrics_line, postprocess_crnn  # noqa: PLC0415

        print(metrics_line(postprocess_crnn(config, characters)))
        print(f"results are in {config.eval_output_path}")
        return
    from src.evaluation.detection_table import metrics_line, show_table  # noqa: PLC0415
    from src.postprocess.ctpn import postprocess_ctpn  # noqa: PLC0415

    metrics = postprocess_ctpn(config)
    if metrics:
        show_table({"outputs": metrics})
    print(metrics_line("submit.zip", metrics))
>>>>>>> f37f910 (What post-processing must know travels with an export: card in ONNX, JSON beside MINDIR, dx for side refinement; tolerances are relative to the largest output)
    print(f"results are in {config.eval_output_path}")


def with_outputs_card(config: Config) -> tuple[Config, str]:
    """The options of the network that wrote the outputs, and the characters that it knows where its card says."""
    card, name = outputs_card(Path(config.result_path))
    if card is None:
        return config, ""
    config, taken = lay_card(config, card, Path(name))
    if taken:
        print(describe_taken(name, taken))
    return config, "" if "alphabet" in config.given else card.get("characters", "")


if __name__ == "__main__":
    run_command(main)
