"""Windows of consecutive examples: filled from the topic, kept in scratch space, remembered."""
