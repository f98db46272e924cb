"""The policy pack: one policy per file, in a folder per area, with its examples beside it."""
