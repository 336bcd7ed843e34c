"""`sentientiq smoke`: does the whole line hold, from dead button to the owner's act?"""
