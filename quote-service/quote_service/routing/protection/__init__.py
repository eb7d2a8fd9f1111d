"""What stops a symbol besides the gate: fast fills, price jumps, position breaks."""
