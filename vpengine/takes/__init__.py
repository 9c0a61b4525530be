"""What happened: a run's report, and the log of its frame inputs and keyframes, one folder per take."""
