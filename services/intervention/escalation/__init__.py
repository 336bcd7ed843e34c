"""What becomes of a recommendation after its message: who else is asked, and what waits."""
