"""How well emotions are told: on simulated visits with known truth, and on real people."""
