"""`python -m chassis` is `maker`: a supervisor starts its children by it."""

from chassis.cli import main

main()
