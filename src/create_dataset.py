"""Build the MindRecord sets of CTPN: python src/create_dataset.py [--config_path FILE] [--key value ...]"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from rich.console import Console

from src.common.progress_bar import progress_bar
from src.data.detection.data_sets import plan_sets, test_digests
from src.data.detection.set_plan import SetPlan
from src.model_utils.command import run_command
from src.model_utils.load_options import load_options
from src.model_utils.network_config import CtpnConfig


def main() -> None:
    config = load_options(CtpnConfig, sys.argv[1:])
    console = Console()
    plans = plan_sets(config)
    excluded = test_digests(plans)
    for plan in plans:
        for name in plan.not_configured:
            console.print(f"{plan.set_name}: {name} is left out, its path is not configured", markup=False)
        _build(plan, config, excluded, console)


def _build(plan: SetPlan, config: CtpnConfig, excluded: frozenset[str], console: Console) -> None:
    # Imported here because it brings MindSpore, which a wrong configuration need not wait for.
    from src.data.detection.mindrecord_builder import build_set  # noqa: PLC0415

    with progress_bar(console) as progress:
        bar = progress.add_task(plan.set_name, total=None)
        report = build_set(
            plan,
            max_bad_ratio=config.max_bad_ratio,
            max_pixels=config.max_image_pixels,
            excluded_digests=frozenset() if plan.set_name == "test" else excluded,
            draw_samples=config.draw_samples,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    console.print(report.table())
    console.print(f"{report.accepted} images in {report.mindrecord_file}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    run_command(main)
