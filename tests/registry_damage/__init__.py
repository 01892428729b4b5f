"""Damage to every key of the registry, each with the reason that it is counted by."""
