"""Evaluate checkpoints: python eval.py [--checkpoint_path FILE_OR_FOLDER] [--dataset_path FILE] [--key value ...]"""

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.model_utils.checkpoint_job import checkpoint_job
from src.model_utils.command import run_command
from src.model_utils.job_signals import interrupts_reach_python
from src.model_utils.network_spec import spec_of


def main() -> None:
    with checkpoint_job("checkpoint_path") as job:
        spec_of(job.config).evaluate(job.config)


if __name__ == "__main__":
    interrupts_reach_python()
    run_command(main)
