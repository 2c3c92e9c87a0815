"""What belongs together, and why: columns and fields, values and options, owners and users, records and records."""
