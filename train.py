"""Train a network: python train.py [--config_path FILE] [--task_type Pretraining|Finetune] [--key value ...]"""

from src.model_utils.command import run_command
from src.model_utils.config import load_config
from src.model_utils.moxing_adapter import modelarts_job, place_outputs
from src.model_utils.prepare_run import describe, prepare_run


def main() -> int:
    config = load_config()
    with modelarts_job(config):
        config = place_outputs(config)
        run = prepare_run(config)
        print(describe(run, config))
        # MindSpore, which these import, reads its settings from the environment that prepare_run made.
        if config.network == "crnn":
            from src.evaluation.crnn import evaluate_in_training  # noqa: PLC0415
            from src.training.train_crnn import train_crnn as train_network  # noqa: PLC0415
        else:
            from src.evaluation.ctpn import evaluate_in_training  # noqa: PLC0415
            from src.training.train_ctpn import train_ctpn as train_network  # noqa: PLC0415
        return train_network(config, run.rank_id, run.rank_size, evaluate_in_training).exit_code


if __name__ == "__main__":
    run_command(main)
