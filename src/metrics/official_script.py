"""The metrics of a submission, called and answering as the official ICDAR 2013 script does.

    python -m src.metrics.official_script -g=gt.zip -s=submit.zip -o=./

prints `Calculated!{"precision": .., "recall": .., "hmean": ..}` and, with `-o`, writes `results.zip` there:
`method.json` with the metrics and one JSON file per image. `-p=iou` scores by the protocol of ICDAR 2015.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from src.common.errors import UserError
from src.common.printable import one_line
from src.metrics.detection_result import DetectionResult
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.safe_zip import write_text_members
from src.metrics.submission import read_ground_truth, read_submission

PROTOCOLS = {"deteval": deteval, "iou": iou_hmean}


def evaluate_archives(ground_truth: str | Path, submission: str | Path, protocol: str = "deteval") -> DetectionResult:
    """Score a zip of `res_*.txt` against a zip of `gt_*.txt`.

    Raises:
        UserError: an unreadable archive, a bad line, an image without ground truth, an unknown protocol.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"unknown protocol '{protocol}', accepted: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[protocol](read_ground_truth(ground_truth), read_submission(submission))


def write_report(folder: str | Path, result: DetectionResult) -> Path:
    """Write `results.zip` as the official script does; returns its path."""
    texts = {"method.json": json.dumps(result.metrics())}
    for image, score in result.per_image.items():
        texts[f"{image}.json"] = json.dumps(
            {
                "precision": score.precision,
                "recall": score.recall,
                "hmean": score.hmean,
                "matches": [{"gt": list(truths), "det": list(found)} for truths, found in score.matches],
                "ignored_detections": list(score.ignored_detections),
            }
        )
    return write_text_members(Path(folder) / "results.zip", texts)


def main(arguments: Sequence[str]) -> int:
    """Run as a command; returns the exit code: 0, or 1 with one line on standard error."""
    parser = argparse.ArgumentParser(prog="official_script", description="Score a text detection submission.")
    parser.add_argument("-g", "--ground_truth", required=True, help="gt.zip with gt_*.txt")
    parser.add_argument("-s", "--submission", required=True, help="submit_*.zip with res_*.txt")
    parser.add_argument("-o", "--output", help="folder for results.zip")
    parser.add_argument("-p", "--protocol", default="deteval", choices=sorted(PROTOCOLS))
    options = parser.parse_args(arguments)
    try:
        result = evaluate_archives(options.ground_truth, options.submission, options.protocol)
        if options.output:
            write_report(options.output, result)
    except UserError as error:
        print(one_line(f"Error: {error}"), file=sys.stderr)
        return 1
    print("Calculated!" + json.dumps(result.metrics()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
