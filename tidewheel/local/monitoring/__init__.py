"""What a run knows of itself: read from the topics, the groups and the predictor."""
