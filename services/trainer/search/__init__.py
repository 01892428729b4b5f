"""The setting to train with: what it is searched for, cross-fitted, weighed by its error, and chosen."""
