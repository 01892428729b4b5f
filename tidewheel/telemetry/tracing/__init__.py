"""Traces from market second to prediction: where a span stands, what is recorded of it, and where it goes."""
