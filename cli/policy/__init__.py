"""`sentientiq policy`: what is done about emotions, written, tried out and put in force."""
