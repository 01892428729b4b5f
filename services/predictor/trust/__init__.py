"""What an answer is worth, and what a score is made of."""
