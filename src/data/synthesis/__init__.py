"""Rendered text: single words and lines for the recognizer, whole scenes with boxes for the detector."""
