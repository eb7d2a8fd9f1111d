"""The `maker` program: wires the services into an engine."""

from runtime.compiled import use_compiled

use_compiled()  # before anything that has a compiled form is imported
