"""What the webhooks of shops mean: a table per shop, pure."""
