"""The weekly mail: what you missed, to each person, on Monday morning where they are."""
