"""The commands, one file each; ``main`` joins them."""
