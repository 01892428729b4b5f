"""Linear models by gradient descent, their calibration and their metrics. It knows rows, and no windows."""
