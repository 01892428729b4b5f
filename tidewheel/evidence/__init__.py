"""What scorecards say together, and how surely: intervals, pooled ratios, evidence."""
