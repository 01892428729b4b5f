"""What a model is trained on: rows in columns, what the learner sees of them, and how time splits them."""
