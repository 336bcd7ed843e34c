"""`sentientiq calibrate`: from labels to confidences that mean what they say."""
