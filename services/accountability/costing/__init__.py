"""From the mesh's records to the cost of ignoring somebody, and to the rows behind it.

`sources.py` asks analytics, identity and the tenant's mapping; `rows.py` makes a row of each unit;
`samples.py` turns rows into columns; `answer.py` and `words.py` tell what `cost` judged.
"""
