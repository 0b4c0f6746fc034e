"""What bench_reader.py prints of its measurements, and whether the aims of docs/results.md were met."""

from src.reader.result import STAGES

FIRST_RESULT_SECONDS = 3.0
HOST_SHARE = 0.1
MATRIX_FACTOR = 5.0
EQUAL = 0.95  # repeated runs of one engine differ by so much
SLOWER = 1.15  # of an ordinary photograph, than version 0.1.0
DETECTOR, PUBLISHED = "ctpn", "ctpn, published size,"  # with the reader's weights, and in floating point


def report(found: dict) -> None:
    print("\nnetworks alone, milliseconds")
    for title, times in found["networks"].items():
        shown = "  ".join(f"{name} {value:8.1f}" for name, value in times.items())
        ratio = (
            f"  openvino is {times['onnxruntime'] / times['openvino']:.2f} times as fast" if len(times) > 1 else ""
        )
        print(f"  {title:36s} {shown}{ratio}")
    print("\nmilliseconds per image  end to end  detection alone  lines  cores busy  stages: " + ", ".join(STAGES))
    for name, values in found["images"].items():
        stages = "  ".join(f"{values[f'stage {stage}']:6.1f}" for stage in STAGES if f"stage {stage}" in values)
        alone = f"{values['whole']:10.1f} {values['detect']:16.1f} {values['lines']:6.1f} {values['cores']:11.2f}"
        print(f"  {name:22s} {alone}  {stages}")
    folder = found["folder"]
    print(f"  {'openvino, a folder':22s} {folder['wall']:10.1f}  (its stages one after another {folder['work']:.1f})")
    print("\nwords read (letters and digits), and how many of them the others read too")
    for name, values in found["images"].items():
        others = ", ".join(f"{values[f'words with {other}']} {other}" for other in found["images"] if other != name)
        right = f"{values['right']:6d} right of {values['there']}; " if "right" in values else ""
        print(f"  {name:22s} {values['words']:6d}  {right}{others}")


def goals(found: dict, has_matrix_unit: bool, computes_in: str) -> None:
    """The aims of docs/results.md, and whether they were met here.

    Args:
        computes_in: what OpenVINO's detector says, such as "int8 and bf16".
    """
    ours, rapid = found["images"]["openvino"], found["images"].get("rapidocr")
    total = sum(ours[f"stage {stage}"] for stage in STAGES)
    host = (ours["stage decode"] + ours["stage connect"]) / total
    beside = 1 - ours["networks"] / total
    checks = [
        (
            f"decoding, connecting and cutting take {host:.1%} of the time, below {HOST_SHARE:.0%} "
            f"(everything beside the networks, their inputs and the decoding of their outputs too, {beside:.1%})",
            host < HOST_SHARE,
        ),
        (
            f"start to first result {found['start']:.2f} s, below {FIRST_RESULT_SECONDS:.0f} s",
            found["start"] < FIRST_RESULT_SECONDS,
        ),
    ]
    in_float = computes_in.removeprefix("int8 and ")
    for title, times in found["networks"].items():
        if "onnxruntime" in times:
            ratio = times["onnxruntime"] / times["openvino"]
            kind = computes_in if title.startswith(f"{DETECTOR} ") else in_float
            # In single precision both compute the same convolutions at the same speed.
            least = EQUAL if kind == "f32" else 1.0
            wanted = MATRIX_FACTOR if has_matrix_unit and title.startswith(PUBLISHED) else least
            text = f"{title}: openvino {ratio:.2f} times as fast as onnxruntime, at least {wanted:g} ({kind})"
            checks.append((text, ratio >= wanted))
    if "baseline" in found["images"]:
        ratio = ours["whole"] / found["images"]["baseline"]["whole"]
        checks.append((f"end to end {ratio:.2f} times the time of the baseline, at most {SLOWER:g}", ratio <= SLOWER))
    if rapid:
        ratio = rapid["whole"] / ours["whole"]
        checks.append((f"end to end {ratio:.2f} times as fast as RapidOCR, above 1", ratio > 1))
    print()
    for text, met in checks:
        print(f"  {'yes' if met else 'NO '}  {text}")
