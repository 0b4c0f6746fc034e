"""Read images: python predict.py IMAGE|FOLDER|PATTERN|- ... [--output_dir DIR] [--draw] [--key value ...]"""

import sys

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.common.printable import one_line
from src.model_utils.command import run_command
from src.model_utils.input_arguments import split_inputs
from src.model_utils.load_options import load_options, switches
from src.model_utils.reader_config import ReaderConfig

_NOTHING_TO_READ = """\
error: image_path: is empty; give an image, a folder, a pattern, or - for standard input
  python predict.py docs/images/sample.jpg --draw   reads the sample image, and draws what it found
  python predict.py --check                         lists what works here; --help lists every option"""

_NO_IMAGE_HINTS = """\
  --recursive reads sub-folders too; a file that is named is read whatever its ending
  python predict.py docs/images/sample.jpg --draw   reads the sample image"""


def main() -> int:
    inputs, arguments = split_inputs(sys.argv[1:], switches(ReaderConfig))
    config = load_options(ReaderConfig, arguments)
    if config.check:
        from src.reader.check import check_reader  # noqa: PLC0415 - only what is needed is imported

        return check_reader(config)
    if not inputs and config.image_path:  # of a configuration file
        inputs = [config.image_path]
    if not inputs and not config.list_file:
        print(_NOTHING_TO_READ, file=sys.stderr)
        return 2
    from src.engines.engine import choose_engine  # noqa: PLC0415

    if choose_engine(config.engine) == "mindspore":
        from src.model_utils.device_adapter import select_device, set_cpu_kernels  # noqa: PLC0415

        set_cpu_kernels()
        select_device(config.device_target, config.device_id)
    from src.reader.command import read_images  # noqa: PLC0415
    from src.reader.input_files import NoImageError  # noqa: PLC0415

    try:
        return read_images(config, inputs)
    except NoImageError as error:
        print(one_line(f"error: {error}"), _NO_IMAGE_HINTS, sep="\n", file=sys.stderr)
        return 1


if __name__ == "__main__":
    run_command(main)
