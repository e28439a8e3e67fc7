mod codes;
mod net;
mod past;
mod scripted;
mod sim;
mod storms;
