"""Metrics of text detection as text: a line in the form of the official script, and a table."""

from rich.console import Console
from rich.table import Table

KEYS = ("precision", "recall", "hmean")


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
