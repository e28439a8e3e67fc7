mod codes;
mod net;
mod scripted;
mod storms;
