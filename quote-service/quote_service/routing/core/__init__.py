"""The order router's decisions: pure, no clock, no I/O."""
