import io
import re

import pytest
from rich.console import Console

from src.common.progress_bar import progress_bar


@pytest.mark.parametrize("shown", [True, False])
def test_what_is_being_done_how_much_of_it_and_how_long_it_took(shown):
    drawn = io.StringIO()
    with progress_bar(Console(file=drawn, width=80), shown=shown) as bar:
        task = bar.add_task("words", total=4)
        bar.advance(task, 3)
    assert bool(re.search(r"words .*3/4 0:00:00 ", drawn.getvalue())) is shown
    assert shown or not drawn.getvalue()
