"""Recorded quotes: files of any known layout read into columns, judged row by row, and accounted for.

    recording = Recording(path)              # SourceError where it cannot be read at all
    validator, account = Validator(), Account()
    for batch in recording.batches():        # RawBatch: rows in order, those that cannot be read with their faults
        ticks = validator.ticks(batch)       # TickBatch: usable quotes, and rejected rows with reason and place
        account.on_ticks(ticks)              # rows read = ticks + rejected, always

Nothing here knows of Kafka, sessions or services. What the fast ways cannot prove to be plain is read row by row
(`fields.py`), which is the definition.
"""
