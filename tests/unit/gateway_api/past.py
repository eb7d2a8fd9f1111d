"""The past as the history process reads it."""

from gateway_api.history.calls import Calls

from maker.composition import process_definitions, quote_for
from runtime.process.definition import HistorySource


def calls_of(source: HistorySource) -> Calls:
    """In this process, with every decision at hand."""
    return Calls(source, process_definitions, quote_for)
