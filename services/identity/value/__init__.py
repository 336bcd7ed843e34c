"""What a customer is worth: what they paid, and what they are expected to pay, with an interval."""
