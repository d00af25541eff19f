"""Parts of figures: colours, panels, rings, and the style of all."""
