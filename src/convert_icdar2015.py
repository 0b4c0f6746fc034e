"""ICDAR 2015 or MLT 2017 quads to upright boxes: --src_label_path=LABELS --target_label_path=OUTPUT."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.data.detection.label_conversion import convert_icdar2015
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, given_path


def main() -> None:
    parser = CommandParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "-s", "--src_label_path", required=True, type=given_path, help="folder of the official label files"
    )
    parser.add_argument(
        "-t",
        "--target_label_path",
        required=True,
        type=given_path,
        help="folder for the label files, made when missing",
    )
    arguments = parser.parse_args()
    report = convert_icdar2015(arguments.src_label_path, arguments.target_label_path)
    print(
        f"{report.files} label files with {report.boxes} boxes, {report.ignored} of them ignored,"
        f" in {arguments.target_label_path}"
    )
    for reason, count in report.refused.items():
        print(f"refused: {count} {reason}")


if __name__ == "__main__":
    run_command(main)
