"""Passes Snakemake's events to the console: ``--logger book``, found when this folder is on PYTHONPATH."""

import signal
from logging import LogRecord
from threading import current_thread, main_thread
from types import FrameType

from snakemake_interface_logger_plugins.base import LogHandlerBase

from report.console import Console


class LogHandler(LogHandlerBase):
    """Replaces Snakemake's own output; dry runs print as usual."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.console = Console()
        before = signal.getsignal(signal.SIGINT)

        def stop(number: int, frame: FrameType | None) -> None:
            self.console.stop()
            before(number, frame)

        if callable(before) and current_thread() is main_thread():  # else nobody is to stop it so
            signal.signal(signal.SIGINT, stop)

    def emit(self, record: LogRecord) -> None:
        if self.common_settings.dryrun:
            print(self.format(record))
        else:
            self.console.tell(record)

    def close(self) -> None:
        self.console.close()
        super().close()
