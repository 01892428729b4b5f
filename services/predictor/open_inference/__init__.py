"""The open inference protocol, version 2: an instrument is a model, the number of its window a version."""
