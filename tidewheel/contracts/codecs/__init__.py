"""Bytes of records <-> values of the domain. Decoders raise InvalidRecordError and nothing else on any bytes."""
