"""What the rage kernel keeps, its times, weights and terms; the numbers stand in the .pxd."""
