"""Parts of figures: colors, panels, rings, and the style of all."""
