"""How an entry point ends: a known error is one line and a non-zero exit code, never a traceback."""

import errno
import io
import os
import sys
import warnings
from collections.abc import Callable

from src.common.command_start import imports_are_done
from src.common.errors import UserError
from src.common.missing_package import missing_package
from src.common.options import OptionError
from src.common.printable import one_line
from src.model_utils.console_log import log_to_console
from src.model_utils.job_signals import STOPPED, StoppedError, stop_by_exception


def run_command(main: Callable[[], int | None]) -> None:
    """Call `main` and leave the process: 0 or its number, 2 for an option that is not accepted, 1 for anything else
    that is known to go wrong; docs/reliability.md has the table.

    Ctrl-C ends with 130 and SIGTERM with 143, as a shell reports them. Any other exception is a defect of this
    project and keeps its traceback.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed; what is for one of them must not come on the other
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Lines appear as they are written, also in a log; a name that the terminal cannot show is no error.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    # Of tags in an image file that are not as they should be; an image that cannot be read is an error of ours.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    log_to_console()
    try:
        imports_are_done()
        with stop_by_exception():
            code = main()
    except OptionError as error:
        code = _complain(error, 2)
    except BrokenPipeError:  # whoever read the output (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + 13
    except (UserError, OSError) as error:
        # No name in a data set is opened without a look; what is too long for a name is a path of the command line.
        is_option = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
        code = _complain(error, 2 if is_option else 1)
    except ModuleNotFoundError as error:
        line = missing_package(error)
        if not line:
            raise
        code = _complain(line, 1)
    except MemoryError:
        code = _complain("there is not enough memory for this", 1)
    except KeyboardInterrupt:
        code = _complain("interrupted", 130)
    except StoppedError:
        code = _complain(STOPPED, 143)
    sys.exit(code or 0)


def _complain(error: BaseException | str, code: int) -> int:
    longest = error.longest_line if isinstance(error, UserError) else UserError.longest_line
    print(one_line(f"error: {error}", longest), file=sys.stderr)
    return code
