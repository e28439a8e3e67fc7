mod admission;
mod hostile;
mod keeping;
mod members;
mod pace;
pub(crate) mod peer;
mod streams;
