"""Rendered text: single words and lines for the recogniser, whole scenes with boxes for the detector."""
