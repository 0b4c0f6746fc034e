"""Read images: python predict.py IMAGE|FOLDER|PATTERN|- ... [--output_dir DIR] [--draw] [--key value ...]"""

import sys

from src.model_utils.command import run_command
from src.model_utils.config import READER_SCHEMA, ConfigError, load_config
from src.model_utils.input_arguments import split_inputs


def main() -> int:
    inputs, arguments = split_inputs(sys.argv[1:])
    config = load_config(arguments, schema_file=READER_SCHEMA)
    if config.check:
        from src.reader.check import check_reader  # noqa: PLC0415 - only what is needed is imported

        return check_reader(config)
    inputs = inputs or [config.image_path] * bool(config.image_path)
    if not inputs and not config.list_file:
        raise ConfigError("image_path: is empty; give an image, a folder, a pattern, or - for standard input")
    from src.engines.engine import choose_engine  # noqa: PLC0415

    if choose_engine(config.engine) == "mindspore":
        from src.model_utils.device_adapter import select_device, set_cpu_kernels  # noqa: PLC0415

        set_cpu_kernels()
        select_device(config.device_target, config.device_id)
    from src.reader.command import read_images  # noqa: PLC0415

    return read_images(config, inputs)


if __name__ == "__main__":
    run_command(main)
