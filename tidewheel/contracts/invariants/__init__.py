"""What the records of `ticks`, `orders`, `transactions` and `examples` promise, each by itself and together. Pure."""
