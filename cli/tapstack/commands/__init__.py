"""The commands, one thin module each: parse, call, render, exit."""
