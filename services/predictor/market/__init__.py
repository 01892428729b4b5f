"""The live market: the last seconds of each instrument, read from `ticks`."""
