"""A recording: one file or many, as one stream of quotes in order of time."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from tidewheel.recordings.account import Account, reasons_text
from tidewheel.recordings.merging import FILE_SHIFT, merged
from tidewheel.recordings.opening import expand
from tidewheel.recordings.options import NO_OPTIONS, ReadingOptions
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.recorded_file import RecordedFile
from tidewheel.recordings.sorting import sorted_batches
from tidewheel.recordings.time_order import TimeOrder
from tidewheel.recordings.validator import Validator

BEGINNING_ROWS = 20_000


class Recording:
    """What a path means: a file, the files of a folder, or those that a pattern names, merged by time.

    A row's place is its line in its file; with several files, plus the file's number, from 1, times 2**40. `describe`
    says it in words.
    """

    def __init__(self, path: Path, options: ReadingOptions = NO_OPTIONS, mark: PlaceMark = NO_MARK) -> None:
        # While it parses, Arrow would take SIGTERM and SIGINT for itself and fail, and the service never hear of them.
        pa.enable_signal_handlers(False)
        self.path = path
        self._options = options
        self._mark = mark
        self._files: list[RecordedFile] = []

    @property
    def files(self) -> list[RecordedFile]:
        """In the order of their names. Raises SourceError where there are none."""
        if not self._files:
            first: dict[str, bytes] = {}
            try:
                parts = expand(self.path.expanduser())
            except OSError as failure:
                raise SourceError(f"{self.path} cannot be read: {failure.strerror}") from None
            self._files = [RecordedFile(part, self._options, first, self._mark) for part in parts]
        return self._files

    def layouts(self) -> list[str]:
        """How its files are read, a line for those that are read alike. Raises SourceError."""
        alike: dict[str, list[str]] = {}
        for file in self.files:
            alike.setdefault(str(file.layout), []).append(file.part.name)
        return [
            f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {layout}"
            for layout, names in alike.items()
        ]

    def batches(self) -> Iterator[RawBatch]:
        """All rows, in order of time. Raises SourceError in one line for a file that is missing, unreadable, damaged,
        not understood or, unless it is to be sorted, out of order; what could be read comes first."""
        files = self.files
        if self._options.sort:
            yield from sorted_batches((number, file.unordered()) for number, file in self._numbered())
        elif len(files) == 1:
            yield from files[0].batches()
        else:
            yield from TimeOrder(self._options, self.describe).judged(merged(files))

    def check_beginning(self) -> list[str]:
        """As `layouts`, after the first rows of all files have been read too. Raises SourceError for whatever would
        end a run there."""
        said, found = self.layouts(), Account()
        for number, file in self._numbered():
            validator = Validator()
            for batch in file.unordered() if self._options.sort else file.batches():
                found.on_ticks(validator.ticks(replace(batch, place=batch.place + (number << FILE_SHIFT))))
                if found.rows > BEGINNING_ROWS:
                    break
            if found.rows > BEGINNING_ROWS:
                break
        if not found.ticks and not found.others:
            raise SourceError(self.without_quote(found))
        return said

    def without_quote(self, account: Account) -> str:
        """What is wrong with rows of which none was a quote."""
        reasons = reasons_text(account.as_dict(self.describe))
        return f"{self.path} holds no usable quote{reasons and f': {reasons}'}"

    def _numbered(self) -> list[tuple[int, RecordedFile]]:
        """Files with their numbers in places: from 1, or 0 where there is one alone."""
        return list(enumerate(self.files, start=1 if len(self.files) > 1 else 0))

    def describe(self, place: int) -> str:
        """A place in words."""
        return dict(self._numbered())[place >> FILE_SHIFT].describe(place % (1 << FILE_SHIFT))
