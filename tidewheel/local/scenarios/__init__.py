"""`tidewheel scenario`: a fault on a run that is looked at, and whether its alert fires and no other."""
