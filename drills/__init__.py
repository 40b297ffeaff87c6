"""What goes wrong on people's machines, done on purpose: `make drill`."""
