"""What library code logs is shown as it is, once."""

import logging

from src.model_utils.console_log import log_to_console


def test_lines_are_shown_as_they_are(capsys):
    log_to_console()
    log_to_console()
    logger = logging.getLogger("src.some.module")
    logger.debug("nobody asked")
    logger.info("epoch 1 [bold] :smile: " + "x" * 300)
    logger.warning("left out %s", "a.jpg")
    assert capsys.readouterr().out == f"epoch 1 [bold] :smile: {'x' * 300}\nleft out a.jpg\n"
