"""Tables read back and their claims judged, over data sets and scales."""
