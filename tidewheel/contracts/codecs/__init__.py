"""Bytes of records <-> values of the domain. Decoders raise BadRecord and nothing else on any bytes."""
