"""The models that serve: followed in the registry, verified, swapped, copied to disk."""
