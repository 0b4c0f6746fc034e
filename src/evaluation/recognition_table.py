"""Metrics of word recognition as a table."""

from rich.console import Console
from rich.table import Table

TOTAL = "total"  # all words of all data sets together
HEADINGS = {
    "accuracy": "Acc@1",
    "case_sensitive_accuracy": "with case",
    "one_minus_ned": "1-NED",
    "character_error_rate": "CER",
    "lexicon_accuracy": "lexicon",
}


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
