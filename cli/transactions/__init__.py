"""`sentientiq transactions`: what users paid, from files."""
