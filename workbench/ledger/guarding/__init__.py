"""What stands round a client: intents before, outcomes after, and what becomes of those that nobody knows."""
