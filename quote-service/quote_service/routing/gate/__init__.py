"""The one gate: every order and every amend passes it, in this process, with no way around."""
