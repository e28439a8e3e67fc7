//! Programs that die or stand still.
