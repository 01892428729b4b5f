"""From a window and the setting chosen to a model, or the reason why there is none."""
