"""What was really served: its log, the candidate's shadow answers, parity with the labeler."""
