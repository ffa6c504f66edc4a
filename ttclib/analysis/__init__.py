"""What a pool of samples says: curves with intervals, difficulty, cost. Pure, with an explicit seed."""
