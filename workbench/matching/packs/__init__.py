"""Word packs of the matchers: what columns, values and people are called, kept as data."""
