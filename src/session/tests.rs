mod codes;
mod long;
mod net;
mod past;
mod scripted;
mod sim;
mod storms;
