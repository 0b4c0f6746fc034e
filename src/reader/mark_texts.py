"""Which single characters were read well enough, and the lines they belong to; see `row_marks`."""

from collections.abc import Sequence

from src.reader.result import Line
from src.reader.row_marks import SAME_ROW, WORD_GAP

SURE = 0.9  # score of the text of a mark at least
LIKE_LETTERS = "0", "1"  # digits that share their probability with letters; a mark of the second may be a rule
ALIKE = 0.1  # so much less is enough of them in a row of digits, or in a column; twice that in both


def sure_enough(lines: Sequence[tuple[Line, bool]], least: float) -> list[tuple[Line, bool]]:
    """Lines whose text scores `least`, and marks that are surely characters; each with whether it is a mark."""
    digits = [line for line, _ in lines if _score(line) >= SURE and (line.text or "").isdigit()]
    return [
        (line, is_mark)
        for line, is_mark in lines
        if _score(line) >= (max(SURE, least) if is_mark else least)
        or (
            line.text in (LIKE_LETTERS[0] if is_mark else LIKE_LETTERS)
            and _score(line) >= least - ALIKE * (aligned := _aligned(line, digits))
            and aligned
        )
    ]


def _score(line: Line) -> float:
    return line.text_score or 0.0


def _aligned(line: Line, digits: Sequence[Line]) -> int:
    """1 if some stand in its row or column, 2 if in both."""
    x1, y1, x2, y2 = line.box
    in_column = any(min(x2, digit.box[2]) > max(x1, digit.box[0]) for digit in digits)
    in_row = any(min(y2, digit.box[3]) > max(y1, digit.box[1]) for digit in digits)
    return in_column + in_row


def join_marks(lines: Sequence[tuple[Line, bool]]) -> tuple[Line, ...]:
    """Lines, each with whether it is a mark; marks beside a line, no further than its words, are joined to it."""
    whole = [line for line, is_mark in lines if not is_mark]
    alone = {}  # position among the lines -> mark
    for position, (line, is_mark) in enumerate(lines):
        if is_mark:
            beside = next((index for index, other in enumerate(whole) if _is_beside(line, other)), None)
            if beside is None:
                alone[position] = line
            else:
                whole[beside] = _joined(line, whole[beside])
    rest = iter(whole)
    kept = [(position, is_mark) for position, (_, is_mark) in enumerate(lines) if not is_mark or position in alone]
    return tuple(alone[position] if is_mark else next(rest) for position, is_mark in kept)


def _is_beside(mark: Line, line: Line) -> bool:
    """Whether they stand in one row no further apart than words do."""
    height = line.box[3] - line.box[1]
    common = min(mark.box[3], line.box[3]) - max(mark.box[1], line.box[1])
    gap = max(mark.box[0] - line.box[2], line.box[0] - mark.box[2])
    return common >= SAME_ROW * min(height, mark.box[3] - mark.box[1]) and gap <= WORD_GAP * height


def _joined(mark: Line, line: Line) -> Line:
    left, right = sorted((mark, line), key=lambda part: part.box[0])
    parts = left, right
    letters = [len(part.text or "") for part in parts]
    score = sum(count * (part.text_score or 0.0) for count, part in zip(letters, parts, strict=True))
    return Line(
        box=(
            left.box[0],
            min(left.box[1], right.box[1]),
            max(left.box[2], right.box[2]),
            max(left.box[3], right.box[3]),
        ),
        polygon=(left.polygon[0], right.polygon[1], right.polygon[2], left.polygon[3]),
        score=line.score,
        text=f"{left.text} {right.text}",
        text_score=score / max(sum(letters), 1),
        words=left.words + right.words,
    )
