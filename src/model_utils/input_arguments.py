"""Inputs on the command line: files stand anywhere between the options, as shells hand them over."""

from collections.abc import Collection, Mapping

# What may be the value of a switch; a file of such a name is given as ./true.
YES_OR_NO = frozenset(
    form for word in ("true", "false", "yes", "no", "on", "off") for form in (word, word.title(), word.upper())
)


def split_inputs(
    argv: list[str], switches: Mapping[str, Collection[str]], key: str = "image_path"
) -> tuple[list[str], list[str]]:
    """Take the inputs out of the arguments.

    Inputs are what follows `--image_path`, everything behind `--`, and whatever else is neither an option nor the
    value of one: `predict.py --draw photo.jpg`, `predict.py --threads 2 a.jpg b.jpg --csv`.

    Args:
        switches: options that stand alone, and the values that may follow each: anything else behind it is an input.

    Returns:
        The inputs, and the arguments that remain for the configuration, a switch that stands alone as `--key=true`.
    """
    inputs: list[str] = []
    rest: list[str] = []
    waiting = list(reversed(argv))
    while waiting:
        item = waiting.pop()
        if item == "--":
            inputs += reversed(waiting)
            break
        if not item.startswith("--"):
            (rest if item == "-h" else inputs).append(item)
            continue
        name, equals, value = item[2:].partition("=")
        if name == key:
            inputs += [value] if equals else []
        elif equals or name == "help":
            rest.append(item)
        elif name in switches:
            follows = bool(waiting) and waiting[-1] in switches[name]
            rest.append(f"{item}={waiting.pop() if follows else 'true'}")
        else:
            rest.append(item)
            if waiting and not waiting[-1].startswith("--"):
                rest.append(waiting.pop())
    return inputs, rest
