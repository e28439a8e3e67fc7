mod codes;
mod net;
mod scripted;
mod sim;
mod storms;
