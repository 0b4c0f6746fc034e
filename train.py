"""Train a network: python train.py [--config_path FILE] [--task_type Pretraining|Finetune] [--key value ...]"""

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.model_utils.command import run_command
from src.model_utils.config import load_config
from src.model_utils.job_signals import interrupts_reach_python
from src.model_utils.moxing_adapter import modelarts_job, place_outputs
from src.model_utils.network_spec import spec_of
from src.model_utils.prepare_run import describe, prepare_run


def main() -> int:
    config = load_config()
    with modelarts_job(config):
        config = place_outputs(config)
        run = prepare_run(config)
        print(describe(run, config))
        return spec_of(config).train(config, run.rank_id, run.rank_size)


if __name__ == "__main__":
    interrupts_reach_python()
    run_command(main)
