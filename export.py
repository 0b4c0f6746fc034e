"""Export a checkpoint: python export.py --ckpt_file FILE --file_format MINDIR|AIR|ONNX [--key value ...]"""

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.model_utils.checkpoint_job import checkpoint_job
from src.model_utils.command import run_command
from src.model_utils.job_signals import interrupts_reach_python
from src.model_utils.network_spec import spec_of


def main() -> None:
    with checkpoint_job("ckpt_file", "file") as job:
        if job.config.file_format != "AIR":  # which nothing here can load
            print(
                f"exporting {job.checkpoint} as {job.config.file_format}; loading it again to compare takes a while"
            )
        spec_of(job.config).export(job.config, job.checkpoint, job.device_target)


if __name__ == "__main__":
    interrupts_reach_python()
    run_command(main)
