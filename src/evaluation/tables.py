"""Metrics of detection and recognition as text: tables, and a line in the form of the official script."""

from rich.console import Console
from rich.table import Table

KEYS = ("precision", "recall", "hmean")

TOTAL = "total"  # all words of all data sets together
HEADINGS = {
    "accuracy": "Acc@1",
    "case_sensitive_accuracy": "with case",
    "one_minus_ned": "1-NED",
    "character_error_rate": "CER",
    "lexicon_accuracy": "lexicon",
}


def metrics_line(name: str, metrics: dict[str, dict]) -> str:
    """The metrics of a checkpoint in the form of the official script."""
    if not metrics:
        return f"{name}: no ground truth, so no metrics"
    values = ", ".join(f'"{key}": {metrics["deteval"][key]:.5f}' for key in KEYS)
    return f"{name}: {{{values}}}"


def show_table(metrics: dict[str, dict]) -> None:
    """Print the metrics of all checkpoints under each protocol."""
    table = Table(title="text detection")
    for heading in ("checkpoint", "protocol", "precision", "recall", "hmean"):
        table.add_column(heading)
    for name, protocols in metrics.items():
        for protocol, values in protocols.items():
            table.add_row(name, protocol, *(f"{values[key]:.5f}" for key in KEYS))
    Console().print(table)


def show_metrics(metrics: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print the metrics (checkpoint -> data set -> name -> value) as a table, and a line with each one's Acc@1."""
    names = [name for name in HEADINGS if name in next(iter(metrics.values()))[TOTAL]]
    table = Table(title="word recognition")
    for heading in ("checkpoint", "data set", "words", *(HEADINGS[name] for name in names)):
        table.add_column(heading)
    for checkpoint, sets in metrics.items():
        for number, (name, values) in enumerate(sets.items(), start=1):
            shown = [f"{values[key]:.4f}" for key in names]
            table.add_row(checkpoint, name, str(values["samples"]), *shown, end_section=number == len(sets))
    Console().print(table)
    for checkpoint, sets in metrics.items():
        print(f"{checkpoint}: Acc@1 {100 * sets[TOTAL]['accuracy']:.2f} over {sets[TOTAL]['samples']} words")
