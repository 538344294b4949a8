"""What a reader looks at beside the figures: one interactive page, and what the notebooks show."""
