"""`python -m maker` is `maker`; the supervisor starts its children this way."""

from maker.cli.app import main

main()
