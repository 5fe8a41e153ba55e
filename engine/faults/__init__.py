"""What goes wrong in a rehearsal: kinds of faults, where and when they strike, and scenarios of them."""
