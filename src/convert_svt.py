"""SVT labels from XML to text files: --dataset_path=IMAGES --xml_file=FILE --location_dir=OUTPUT."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.data.detection.label_conversion import convert_svt
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, given_path


def main() -> None:
    parser = CommandParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "-d", "--dataset_path", "--dataset_dir", required=True, type=given_path, help="folder of the images"
    )
    parser.add_argument("-x", "--xml_file", required=True, type=given_path, help="train.xml or test.xml of SVT")
    parser.add_argument(
        "-o", "--location_dir", required=True, type=given_path, help="folder for the label files, made when missing"
    )
    arguments = parser.parse_args()
    report = convert_svt(arguments.dataset_path, arguments.xml_file, arguments.location_dir)
    print(f"{report.files} label files with {report.boxes} boxes in {arguments.location_dir}")
    for reason, count in report.refused.items():
        print(f"refused: {count} {reason}")


if __name__ == "__main__":
    run_command(main)
