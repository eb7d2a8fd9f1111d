"""Orders: their states, ids, messages, and the venue's reports of them."""
