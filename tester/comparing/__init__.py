"""Two configurations under the same seeds and the same traffic, side by side. Nothing of it is stored."""
