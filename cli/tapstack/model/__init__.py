"""One stack as the gate sees it: resources, values, references. No I/O."""
