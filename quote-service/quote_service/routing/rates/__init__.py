"""Message limits, ours and the venue's, and the order of messages when they are scarce."""
