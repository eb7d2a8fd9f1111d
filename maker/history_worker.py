"""`python -m maker.history_worker`: the process that reads history for the gateway that starts it."""

from maker.composition import serve_history

if __name__ == "__main__":
    serve_history()
