"""What an event costs in the kernels: time, memory, instructions."""
