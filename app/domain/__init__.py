"""Values and rules of Holdfast: no input or output, no clock, no Qt."""
