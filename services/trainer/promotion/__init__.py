"""Whether a model may serve: judged on the window after its own, compared, proven."""
