"""A recording: one file or many, as one stream of quotes in order of time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from tidewheel.recordings.account import Account, reasons_text
from tidewheel.recordings.accounts import Accounts
from tidewheel.recordings.dealing import Dealer, Dealt, each_batch
from tidewheel.recordings.merging import FILE_SHIFT, merged
from tidewheel.recordings.opening import expand
from tidewheel.recordings.options import NO_OPTIONS, ReadingOptions
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.recorded_file import RecordedFile
from tidewheel.recordings.selection import Instruments
from tidewheel.recordings.sorting import sorted_batches
from tidewheel.recordings.time_order import TimeOrder

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
        self._instruments = Instruments(options.chosen)

    @property
    def several(self) -> bool:
        """Whether its rows are dealt out to instruments of their own."""
        return self._options.several

    @property
    def wanted(self) -> tuple[str, ...]:
        """The instruments that were asked for by name where there are several; none where it is of all."""
        return self._options.chosen.values if self._options.chosen and self.several else ()

    @property
    def files(self) -> list[RecordedFile]:
        """In the order of their names. Raises SourceError where there are none."""
        if not self._files:
            try:
                parts = expand(self.path.expanduser())
            except OSError as failure:
                raise SourceError(f"{self.path} cannot be read: {failure.strerror}") from None
            self._files = [RecordedFile(part, self._options, self._instruments, self._mark) for part in parts]
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

    def dealt(self) -> Iterator[Dealt]:
        """All rows by their instrument, of each in order of time. Raises SourceError in one line for a file that is
        missing, unreadable, damaged, not understood or, unless it is to be sorted, out of order; what could be read
        comes first."""
        files = self.files
        if not self.several:
            for batch in self.batches():
                yield {"": [batch]}
            return
        self._name_instruments(files)
        if self._options.sort:
            rows = sorted_batches((number, file.unordered()) for number, file in self._numbered())
        elif len(files) == 1:
            rows = files[0].rows()
        else:
            rows = merged(files, self._options.late_max_ns)
        yield from Dealer(self._instruments, self._options, self.describe).dealt(rows)

    def batches(self) -> Iterator[RawBatch]:
        """The same where it is of one instrument."""
        assert not self.several
        files = self.files
        if self._options.sort:
            yield from sorted_batches((number, file.unordered()) for number, file in self._numbered())
        elif len(files) == 1:
            yield from files[0].batches()
        else:
            yield from TimeOrder(self._options, self.describe).judged(merged(files))

    def _name_instruments(self, files: Sequence[RecordedFile]) -> None:
        for file in files:
            if self._instruments.names:
                return
            file.name_instruments()
        if not self._instruments.names:
            assert self._options.chosen is not None
            raise SourceError(f"{self.path}: column {self._options.chosen.name} names no instrument in its first rows")

    def check_beginning(self) -> list[str]:
        """As `layouts`, after the first rows of all files have been read too. Raises SourceError for whatever would
        end a run there."""
        lines, found = self.layouts(), Accounts()
        if self.several:
            self._name_instruments(self.files)
        for number, file in self._numbered():
            for dealt in self._beginning(file):
                for name, batch in each_batch(dealt):
                    found.take(name, replace(batch, place=batch.place + (number << FILE_SHIFT)))
                if found.total.rows > BEGINNING_ROWS:
                    break
            if found.total.rows > BEGINNING_ROWS:
                break
        if not found.total.ticks and not found.total.others:
            raise SourceError(self.without_quote(found.total))
        if self.several:
            lines.append(f"instruments in its first rows: {', '.join(sorted(found.each))}")
        return lines

    def _beginning(self, file: RecordedFile) -> Iterator[Dealt]:
        if self.several:
            rows = file.unordered() if self._options.sort else file.rows()
            return Dealer(self._instruments, self._options, file.describe).dealt(rows)
        return ({"": [batch]} for batch in (file.unordered() if self._options.sort else file.batches()))

    def check_found(self, found: Accounts) -> None:
        """Of all rows that were read. Raises SourceError where none is a quote, or none of an instrument asked for."""
        if not found.total.ticks:
            raise SourceError(self.without_quote(found.total))
        for name in self.wanted:
            if not (account := found.each.get(name, Account())).ticks:
                raise SourceError(self.without_quote(account, f" of {name}"))

    def without_quote(self, account: Account, of: str = "") -> str:
        """What is wrong with rows of which none was a quote."""
        reasons = reasons_text(account.as_dict(self.describe))
        return f"{self.path} holds no usable quote{of}{reasons and f': {reasons}'}"

    def _numbered(self) -> list[tuple[int, RecordedFile]]:
        """Files with their numbers in places: from 1, or 0 where there is one alone."""
        return list(enumerate(self.files, start=1 if len(self.files) > 1 else 0))

    def describe(self, place: int) -> str:
        """A place in words."""
        return dict(self._numbered())[place >> FILE_SHIFT].describe(place % (1 << FILE_SHIFT))
