"""Second stage of training: human-scored photographs and synthetic groups in every step."""
