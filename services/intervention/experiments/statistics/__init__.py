"""Statistics of experiments. Every function takes one experiment or an array of them: the
simulations that prove them run the code that reports use.
"""
