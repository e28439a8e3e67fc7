mod net;
mod scripted;
mod storms;
